import BackupModel

/// What came out of some lines of a log.
package struct LogFindings: Sendable, Hashable {
    /// In the order of the stream.
    package var records: [PackageRecord] = []
    package var rejected = RejectedLines()

    package init() {}
}

/// Lines that do not fit: counted, and the first of them quoted.
package struct RejectedLines: Sendable, Hashable {
    package struct Quote: Sendable, Hashable {
        /// Bytes from the beginning of the stream.
        package let offset: Int64
        /// The line, at most 200 characters, with control characters made visible.
        package let text: String
    }

    /// All lines that do not fit, empty ones left out.
    package private(set) var count: Int64 = 0
    package private(set) var emptyCount: Int64 = 0
    /// The first of them, at most ``maximumQuotes``.
    package private(set) var quotes: [Quote] = []

    package static let maximumQuotes = 20

    package init() {}

    mutating func addEmpty() { emptyCount += 1 }

    mutating func add(_ line: LogLine) {
        count += 1
        guard quotes.count < Self.maximumQuotes else { return }
        // A few bytes more than are shown, so that the quote says that it is cut.
        quotes.append(Quote(offset: line.offset, text: line.bytes.prefix(400).escapedForMessage))
    }

    /// Adds what another piece of the same log gave.
    package mutating func add(_ other: RejectedLines) {
        count += other.count
        emptyCount += other.emptyCount
        quotes.append(contentsOf: other.quotes.prefix(Self.maximumQuotes - quotes.count))
    }
}
