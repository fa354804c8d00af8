package import BackupConfig
package import BackupModel

extension TimingSetting {
    /// The first moment at which it may run again after a run at `last`.
    ///
    /// That is the first moment at least `minimum` later that lies `offset` behind a multiple of `modulus` (seconds since
    /// 1970, UTC), or `maximum` later if there is none before that. Always later than `last`.
    package func next(after last: Timestamp) -> Timestamp {
        let earliest = last.seconds + max(1, minimum.seconds)
        let latest = max(earliest, last.seconds + maximum.seconds)
        guard let modulus, modulus.seconds > 0 else { return Timestamp(earliest) }
        let beyond = (earliest - offset.seconds).flooredDivision(by: modulus.seconds).remainder
        let aligned = beyond == 0 ? earliest : earliest + modulus.seconds - beyond
        return Timestamp(min(aligned, latest))
    }

    /// As ``next(after:)``, for a clock that may have been set back since: whatever `last` is, nobody waits longer than
    /// `maximum` from `now`. A wait that would be longer ends at once, since a moment that is reckoned from `now` would
    /// move on with it for ever.
    package func next(after last: Timestamp, now: Timestamp) -> Timestamp {
        let next = next(after: last)
        return next.seconds - now.seconds > max(1, maximum.seconds) ? now : next
    }

    /// "every 1d at offset 2h, after 20h to 28h", for people.
    package var inWords: String {
        let window = minimum == maximum ? "after \(minimum)" : "after \(minimum) to \(maximum)"
        guard let modulus else { return window }
        return "every \(modulus)" + (offset == .zero ? "" : " at offset \(offset)") + ", " + window
    }
}
