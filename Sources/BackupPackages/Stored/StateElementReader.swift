package import BackupModel

/// Reads the lines of one element of a package state, and decides which of them count. What does not parse, stands in the
/// wrong place or is too long is passed over and counted.
package struct StateElementReader {
    /// A line that counts.
    package enum Line: Sendable {
        case change(PackageRecord)
        case header(SnapshotHeader)
        case package(InstalledPackage)
    }

    private let isFull: Bool
    private let wantsChangesOnly: Bool
    private var splitter = LineSplitter()
    private var taken: Int64 = 0
    /// Where the changes end and the snapshot begins, in bytes; `nil` as long as it has not come.
    package private(set) var snapshotOffset: Int64?
    private var hasHeader: Bool { snapshotOffset != nil }

    /// Offsets are those in the element.
    package private(set) var rejected = RejectedLines()

    /// - Parameters:
    ///   - isFull: whether a snapshot stands behind the changes; an increment has none.
    ///   - wantsChangesOnly: whether what stands behind them is not even looked at.
    package init(isFull: Bool, wantsChangesOnly: Bool = false) {
        self.isFull = isFull
        self.wantsChangesOnly = wantsChangesOnly
    }

    /// Bytes behind the last newline, when all was taken: something was cut off.
    package var unendedBytes: Int64 { taken - splitter.position }

    /// Takes the next piece of the element.
    ///
    /// - Throws: what `body` throws; nothing more is handed over then.
    package mutating func take(
        _ piece: UnsafeRawBufferPointer, _ body: (Line) throws(BackupError) -> Void
    ) throws(BackupError) {
        taken += Int64(piece.count)
        // Taken out of self while the lines are handed over, so that nothing is copied.
        var splitter = LineSplitter()
        swap(&splitter, &self.splitter)
        defer { self.splitter = splitter }
        var failure: BackupError?
        splitter.take(piece) { line in
            guard failure == nil, !line.bytes.isEmpty, !(wantsChangesOnly && hasHeader) else { return }
            guard let found = read(line) else { return }
            do throws(BackupError) { try body(found) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private mutating func read(_ line: LogLine) -> Line? {
        guard !line.isTooLong, let parsed = try? PackageLine(parsing: Array(line.bytes)) else {
            rejected.add(line)
            return nil
        }
        switch parsed {
        case .change(let record) where !hasHeader: return .change(record)
        case .header(let header) where isFull && !hasHeader:
            snapshotOffset = line.offset
            return .header(header)
        case .package(let package) where hasHeader: return .package(package)
        case .unknown: return nil
        default:
            rejected.add(line)
            return nil
        }
    }
}
