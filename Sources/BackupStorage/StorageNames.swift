import BackupModel
import BackupSystem
import Synchronization

/// What a process remembers of the names in a storage, so that finding a free one reads no directory and tries few.
///
/// It only tells where to begin: whether a name is free, the directory says.
final class StorageNames: Sendable {
    /// Elements whose names differ only in the serial number.
    struct Series: Hashable {
        let source: SourceURL
        let digits: String
        let type: BackupType

        /// The element of this series with the serial number `serial`; -1 for none.
        func id(_ serial: Int) -> ElementID {
            ElementID(source: source, digits: digits, serial: serial < 0 ? nil : serial, type: type)
        }
    }

    /// Serial numbers from here on are not used.
    static let serialEnd = 100_000
    /// What is remembered at most, of each kind; then everything is forgotten, which costs time only.
    private static let capacity = 1000

    private struct State {
        var nextSerials: [Series: Int] = [:]
        var orphans: [String: Set<String>] = [:]
        var scans = 0
        var tries = 0
    }

    private let state = Mutex(State())

    /// How often a directory was read, and a name tried, since the storage was opened: what must not grow with the number
    /// of elements in it.
    var counts: (scans: Int, tries: Int) { state.withLock { ($0.scans, $0.tries) } }

    /// Finds a name of `series` that `isFree` agrees to, and remembers it as used.
    ///
    /// - Returns: `nil` when there is none.
    func findFree(
        _ series: Series, in directory: Directory, _ isFree: (ElementID) throws(BackupError) -> Bool
    ) throws(BackupError) -> ElementID? {
        let orphans = try orphans(in: directory, series.source.directory)
        let first = state.withLock { $0.nextSerials[series] } ?? -1
        // From the beginning at last: names below may have become free.
        for serial in [first..<Self.serialEnd, -1..<min(first, Self.serialEnd)].joined() {
            let id = series.id(serial)
            let isTried = state.withLock { state in
                state.tries += 1
                // Another thread may have it in its hands.
                guard serial >= state.nextSerials[series] ?? -1 || serial < first else { return false }
                if state.nextSerials.count >= Self.capacity { state.nextSerials.removeAll() }
                state.nextSerials[series] = serial + 1
                return true
            }
            guard isTried, !orphans.contains(id.baseName), try isFree(id) else { continue }
            return id
        }
        return nil
    }

    /// Tells that a name which was found free was not used in the end.
    func giveBack(_ id: ElementID) {
        let series = Series(source: id.source, digits: id.digits, type: id.type)
        state.withLock { state in
            if let next = state.nextSerials[series] { state.nextSerials[series] = min(next, id.serial ?? -1) }
        }
    }

    /// The names of elements of which nothing but attributes is there: a new element must not get them. Looked for once in
    /// each directory: the removal of an element takes `.data` last, so an attribute without it never comes from us.
    private func orphans(in directory: Directory, _ path: String) throws(BackupError) -> Set<String> {
        if let known = state.withLock({ $0.orphans[path] }) { return known }
        let holdingPath = path.isEmpty ? "" : "/" + path
        var found: Set<String> = []
        try directory.forEachEntry { entry throws(BackupError) in
            guard !entry.name.hasSuffix(".data"), !entry.name.hasSuffix(".info"), !entry.name.hasSuffix(".lock"),
                let (id, suffix) = ElementID.split(entry.name, in: holdingPath), (try? AttributeName(suffix)) != nil,
                // A source may be called like that.
                try DefaultFileStorage.kind(entry, in: directory) != .directory,
                try directory.status(id.fileName("data")) == nil
            else { return }
            found.insert(id.baseName)
        }
        let orphans = found
        state.withLock { state in
            state.scans += 1
            if state.orphans.count >= Self.capacity { state.orphans.removeAll() }
            state.orphans[path] = orphans
        }
        return orphans
    }
}

extension DefaultFileStorage {
    /// The names that an element with this metadata can have.
    func series(_ source: SourceURL, _ metadata: ElementMetadata) -> StorageNames.Series {
        let digits =
            switch nameZone {
            case .utc: metadata.timestamp.digits
            case .local:
                Timestamp(metadata.timestamp.seconds + SystemClock.localOffset(at: metadata.timestamp)).digits
            }
        return StorageNames.Series(source: source, digits: digits, type: metadata.type)
    }

    /// Whether nothing has this element's names, or the place of its lock.
    func isFree(_ id: ElementID, in directory: Directory, lockCounts: Bool) throws(BackupError) -> Bool {
        if try directory.status(id.fileName("data")) != nil { return false }
        if try directory.status(id.fileName("info")) != nil { return false }
        guard let lock = try directory.status(id.fileName("lock")) else { return true }
        // A source may be called like a lock: its directory is in the way.
        return !lockCounts && lock.kind != .directory
    }
}
