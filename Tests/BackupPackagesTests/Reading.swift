import BackupModel
import Glibc
import Testing

@testable import BackupPackages

/// What a whole log gives, in one piece.
struct WholeLog {
    var records: [PackageRecord]
    var rejected: RejectedLines
    var pending: [PackageRecord]
    var state: JSONObject
    var position: Int64

    init(_ reader: any PackageManagerReader, _ bytes: [UInt8], _ context: LogContext = LogContext(machine: "m")) {
        var reading = PackageLogReading(reader, context)
        reading.take(bytes)
        let found = reading.takeFindings()
        (records, rejected) = (found.records, found.rejected)
        (pending, state, position) = (reading.pending, reading.state, reading.position)
    }

    init(_ reader: any PackageManagerReader, _ text: String, _ context: LogContext = LogContext(machine: "m")) {
        self.init(reader, Array(text.utf8), context)
    }

    /// The changes in short: `+dev-libs/a-1`, `-dev-libs/a-1`, with `?` behind for unfinished ones and `!` in front for failed
    /// ones.
    var changes: [String] { records.compactMap(\.short) }

    func only(_ event: PackageEvent) -> [PackageRecord] { records.filter { $0.event == event } }
}

extension PackageRecord {
    var short: String? {
        guard let fullName else { return nil }
        let sign: String
        switch event {
        case .install: sign = "+"
        case .uninstall: sign = "-"
        case .purge: sign = "--"
        case .installFailed: sign = "!+"
        case .uninstallFailed: sign = "!-"
        default: return nil
        }
        return sign + fullName + (architecture.map { ":" + $0 } ?? "") + (version.map { "-" + $0 } ?? "")
            + (completeness == .unfinished ? "?" : "")
    }
}

/// The moment of a date and a time of day in UTC; one that no log has for what is no date.
func utc(_ year: Int, _ month: Int, _ day: Int, _ hour: Int = 0, _ minute: Int = 0, _ second: Int = 0) -> Timestamp {
    CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)?.timestamp
        ?? Timestamp(.min)
}

/// The bytes of a file beside the tests.
func fixture(_ name: String) throws -> [UInt8] {
    let folder = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let path = folder + "/Fixtures/" + name
    let file = try #require(fopen(path, "r"), "\(path) cannot be opened")
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return bytes
}
