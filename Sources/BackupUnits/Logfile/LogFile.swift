import BackupConfig
import BackupModel
import BackupSystem

/// A file as it was at one moment. A file that is no longer the same under its name has been replaced or written to.
struct LogFileState: Sendable, Hashable {
    let inode: UInt64
    /// Bytes.
    let size: Int64
    let modified: Timestamp
    /// Nanoseconds.
    let modifiedFraction: Int64

    init(_ status: FileStatus) {
        inode = status.inode
        size = status.size
        modified = status.modified
        modifiedFraction = status.modifiedFraction
    }

    init(inode: UInt64, size: Int64, modified: Timestamp, modifiedFraction: Int64) {
        self.inode = inode
        self.size = size
        self.modified = modified
        self.modifiedFraction = modifiedFraction
    }
}

/// A log file that was found.
struct LogFile: Sendable {
    /// Where it stands among the files of its source.
    enum Order: Hashable {
        /// Counts down to now.
        case oldSerial(LogSerial)
        /// Counts up.
        case serial(LogSerial)
        /// Without a serial number: what is written now.
        case newest
    }

    let input: LogfileInputSettings
    let name: String
    let source: SourceURL
    let order: Order
    let compression: FileCompression?
    let state: LogFileState
    let identity: FileIdentity
    /// When it was changed last, renaming included.
    let changed: Timestamp
    let linkCount: UInt64

    var path: String { input.directory + "/" + name }

    /// - Throws: `invalidValue` for a name that gives no source URL, for a compression that is not known, and for two kinds
    ///   of serial numbers.
    init(_ match: LogMatch, _ input: LogfileInputSettings, _ status: FileStatus) throws(BackupError) {
        self.input = input
        name = match.name
        source = try input.source.source { match.groups.indices.contains($0 - 1) ? match.groups[$0 - 1] : "" }
        switch (match.oldSerial, match.serial) {
        case (nil, nil): order = .newest
        case (let serial?, nil): order = .oldSerial(LogSerial(serial))
        case (nil, let serial?): order = .serial(LogSerial(serial))
        case (.some, .some): throw .twoSerials()
        }
        if let text = match.compress {
            let suffix = text.hasPrefix(".") ? String(text.dropFirst()) : text
            guard let known = FileCompression(rawValue: suffix) else { throw .unknownCompression(suffix) }
            compression = known
        } else {
            compression = nil
        }
        state = LogFileState(status)
        identity = status.identity
        changed = status.changed
        linkCount = status.linkCount
    }

    /// The time of the element: that of the file, as the original has it, but none that a storage cannot have: before
    /// 1970, or in the future, which no other machine would take.
    func timestamp(_ now: Timestamp) -> Timestamp { max(Timestamp(0), min(state.modified, now)) }

    /// For how long it must rest still; `nil` when it rests long enough.
    func unsettled(_ now: Timestamp) -> TimeSpan? {
        // Times in the future tell that a clock was set back or the file's time was set by hand, and not when it was
        // written: waiting for them to come would be for ever.
        let times = [changed, state.modified].filter { $0 <= now }
        guard let last = times.max(), now - last < input.settle else { return nil }
        return last + input.settle - now
    }
}

/// The files of one source, oldest first.
enum LogOrder {
    /// - Throws: why there is no order.
    static func sorted(_ files: [LogFile]) throws(BackupError) -> [LogFile] {
        let places = files.map(\.input.directory)
        if let first = places.first, let other = places.first(where: { $0 != first }) {
            throw .twoDirectories(first, other)
        }
        let hasOld = files.contains { if case .oldSerial = $0.order { true } else { false } }
        let hasNew = files.contains { if case .serial = $0.order { true } else { false } }
        if hasOld, hasNew { throw .mixedSerials(files.map(\.name)) }
        let sorted = files.sorted { isOlder($0.order, $1.order) }
        for (one, other) in zip(sorted, sorted.dropFirst()) where !isOlder(one.order, other.order) {
            throw .sameSerial(one.name, other.name)
        }
        return sorted
    }

    private static func isOlder(_ one: LogFile.Order, _ other: LogFile.Order) -> Bool {
        switch (one, other) {
        case (.newest, _): false
        case (_, .newest): true
        case (.oldSerial(let one), .oldSerial(let other)): one > other
        case (.serial(let one), .serial(let other)): one < other
        // Never both in one source.
        case (.oldSerial, .serial): true
        case (.serial, .oldSerial): false
        }
    }
}
