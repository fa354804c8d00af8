import BackupModel
import BackupPackages

/// The sentences that go with an answer: what it rests on, and what it cannot know.
enum PackageNote {
    static func noLog(_ path: String) -> String {
        "there is no log \(path.escapedForMessage): nothing is known of the past but what the database says"
    }

    /// - Parameter moment: what was asked for.
    static func beginsLater(_ begin: Timestamp, _ moment: Timestamp) -> String {
        "the answer for \(moment) is incomplete: the log begins at \(begin); what changed before is not known, and what is "
            + "shown is what was there then"
    }

    static func noPast(_ moment: Timestamp) -> String {
        "the answer for \(moment) is incomplete: without a log it is what is installed now"
    }

    static func leftOut(_ count: Int, _ moment: Timestamp) -> String {
        "\(count == 1 ? "1 package that was" : "\(count) packages that were") built or installed after \(moment) in the version "
            + "that is known \(count == 1 ? "is" : "are") left out"
    }

    static func noDatabase(_ begin: Timestamp?) -> String {
        "the answer is incomplete: without a database nothing is known of packages that were installed before the log begins"
            + (begin.map { " at \($0)" } ?? "") + " and have not changed since"
    }

    static func disagreement(_ comparison: PackageComparison) -> String {
        let count = comparison.disagreements.count
        return "log and database disagree on \(count == 1 ? "1 package" : "\(count) packages") (\(names(comparison))); "
            + "`gb packages snapshot --check` lists them"
    }

    private static func names(_ comparison: PackageComparison) -> String {
        let found = comparison.disagreements
        return found.prefix(5).map(\.fullName.escapedForMessage).joined(separator: ", ")
            + (found.count > 5 ? ", ..." : "")
    }

    static func rejected(_ lines: RejectedLines) -> String {
        let isOne = lines.count == 1
        return
            "\(lines.count) \(isOne ? "line of the log does not fit and was" : "lines of the log do not fit and were") "
            + "passed over"
            + (lines.quotes.first.map { "; \(isOne ? "it is" : "the first is") at byte \($0.offset): \($0.text)" } ?? "")
    }

    static func unended(_ bytes: Int64) -> String {
        "the last line of the log has no end yet and was not read (\(bytes) bytes)"
    }

    static func pending(_ records: [PackageRecord]) -> String {
        let names = Set(records.compactMap(\.fullName)).sorted().prefix(5).map(\.escapedForMessage)
        return "changes that the log has begun and not ended are not shown: " + names.joined(separator: ", ")
            + (names.count < records.count ? ", ..." : "")
    }

    // MARK: - From a storage

    static func asOf(_ time: Timestamp, _ source: SourceURL) -> String {
        "as of \(time): that is the newest element of \(source) that can be used"
    }

    static func gap(_ gap: StateChain.Gap) -> String {
        "nothing is known of the time from \(gap.from) to \(gap.to): elements between them are not in this storage, or cannot "
            + "be read; what must have changed meanwhile is shown as of its end, as inferred"
    }

    static func unusable(_ count: Int, _ first: ElementID) -> String {
        "\(count == 1 ? "1 element is" : "\(count) elements are") not used, \(count == 1 ? "" : "the first is ")\(first): what lay "
            + "before is not in this storage, and no full follows that tells what was installed"
    }

    static func cutSnapshot(_ id: ElementID) -> String {
        "the list of packages in \(id) is not as long as it says"
    }

    static func contradiction(_ id: ElementID, _ comparison: PackageComparison) -> String {
        "what is installed by \(id) is not what the changes before it lead to (\(names(comparison))); "
            + "`gb packages snapshot --check --from-storage` lists it"
    }

    static func rejected(_ lines: RejectedLines, in id: ElementID) -> String {
        let isOne = lines.count == 1
        return "\(lines.count) \(isOne ? "line" : "lines") of \(id) \(isOne ? "does" : "do") not fit and "
            + "\(isOne ? "was" : "were") passed over"
            + (lines.quotes.first.map { "; \(isOne ? "it is" : "the first is") at byte \($0.offset): \($0.text)" } ?? "")
    }

    static func unended(_ bytes: Int64, in id: ElementID) -> String {
        "the last line of \(id) has no end and was not read (\(bytes) bytes)"
    }

    static func newerSchema(_ schema: Int64, _ id: ElementID) -> String {
        "\(id) has lines of the form \(schema), which is newer than this program"
    }

    static func unchecked(_ id: ElementID) -> String { "\(id) has no checksum: its bytes could not be checked" }

    static func passedOver(_ id: ElementID, _ error: BackupError) -> String { "\(id) is passed over: \(error.message)" }

    static let unknownZone =
        "nobody knows the zone of the times in that log: the moment may be some hours off"

    static func laterInferred(_ record: PackageRecord, _ time: Timestamp) -> String {
        let name = (record.fullName ?? "").escapedForMessage
        return "\(name) has changed once more, up to \(time), and no line of the log tells when"
    }

    static let inconsistent = "the database changed while it was read"
}

extension PackageHistoryEnd {
    /// What there is to say of the log.
    var notes: [String] {
        var notes = oddities
        if let missingLog { notes.append(PackageNote.noLog(missingLog)) }
        if rejected.count > 0 { notes.append(PackageNote.rejected(rejected)) }
        if unendedBytes > 0 { notes.append(PackageNote.unended(unendedBytes)) }
        return notes
    }
}

extension PackageSnapshot {
    /// What there is to say of the database.
    var notes: [String] {
        (header.isConsistent ? [] : [PackageNote.inconsistent]) + complaints.map(\.escapedForMessage)
    }
}
