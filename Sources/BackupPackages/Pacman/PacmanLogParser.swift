package import BackupModel

/// Reads `pacman.log`, in the forms of all its years.
package struct PacmanLogParser: PackageLogParser {
    static let manager = "pacman"
    /// Bytes of arguments that a record of a run keeps.
    static let maximumDetail = 4096

    let machine: String
    let root: String
    private var clock: LocalClock
    /// When the transaction under way began.
    private(set) var transaction: Timestamp?

    init(_ context: LogContext) {
        machine = context.machine
        root = context.root
        clock = LocalClock(context.zoneOffset)
    }

    /// What stands in brackets at the beginning of a line.
    private struct Stamp {
        var time: Timestamp
        var offset: Int64?
        var text: ByteText
    }

    package mutating func take(_ line: LogLine, _ findings: inout LogFindings) {
        guard let text = ByteText(line.bytes), text.hasPrefix("["), let end = text.firstIndex(of: "] "),
            let stamp = stamp(text.slice(1, end))
        else { return findings.rejected.add(line) }
        var message = text.from(end + 2)
        var isFromLibrary = true
        var isFromProgram = true
        if message.hasPrefix("["), let bracket = message.firstIndex(of: "] ") {
            let origin = message.slice(1, bracket)
            // Capital letters: others are text that a script wrote.
            if origin.allSatisfy({ !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }) {
                isFromLibrary = origin.equals("ALPM")
                isFromProgram = origin.equals("PACMAN")
                message = message.from(bracket + 2)
            }
        }
        if isFromLibrary, takeChange(message, stamp, line, &findings) { return }
        if isFromProgram { takeNote(message, stamp, line, &findings) }
    }

    // MARK: - Time

    private mutating func stamp(_ text: ByteText) -> Stamp? {
        // `2019-06-22T13:14:15+0000`
        if text.count == 24, let local = clock.seconds(text), let hours = LocalClock.pair(text, 20),
            let minutes = LocalClock.pair(text, 22), minutes < 60, hours <= 14,
            text[19] == UInt8(ascii: "+") || text[19] == UInt8(ascii: "-")
        {
            let size = Int64(hours * 3600 + minutes * 60)
            let offset = text[19] == UInt8(ascii: "-") ? -size : size
            return Stamp(time: Timestamp(local - offset), offset: offset, text: text)
        }
        // `2012-03-04 12:00`
        if text.count == 16 {
            return (text.array + Array(":00".utf8)).withByteText { clock.seconds($0) }.map { known($0, text) }
        }
        // `05/17/07 13:24`, month first
        guard text.count == 14, text[2] == UInt8(ascii: "/"), text[5] == UInt8(ascii: "/"), text[8] == 0x20,
            text[11] == 0x3a, let month = LocalClock.pair(text, 0), let day = LocalClock.pair(text, 3),
            let year = LocalClock.pair(text, 6), let hour = LocalClock.pair(text, 9),
            let minute = LocalClock.pair(text, 12),
            let time = CivilTime(year: 2000 + year, month: month, day: day, hour: hour, minute: minute)
        else { return nil }
        return known(time.timestamp.seconds, text)
    }

    private func known(_ local: Int64, _ text: ByteText) -> Stamp {
        let moment = clock.moment(local)
        return Stamp(time: moment.time, offset: moment.offset, text: text)
    }

    // MARK: - Messages

    private mutating func takeChange(
        _ text: ByteText, _ stamp: Stamp, _ line: LogLine, _ findings: inout LogFindings
    ) -> Bool {
        if text.equals("transaction started") {
            transaction = stamp.time
            return true
        }
        if text.equals("transaction completed") || text.equals("transaction interrupted")
            || text.equals("transaction failed")
        {
            transaction = nil
            return true
        }
        let verbs: [StaticString] = ["installed ", "upgraded ", "removed ", "reinstalled ", "downgraded "]
        guard let verb = verbs.first(where: { text.hasPrefix($0) }) else { return false }
        let rest = text.from(verb.utf8CodeUnitCount)
        guard let inner = rest.before(suffix: ")"), let open = inner.firstIndex(of: " ("), open > 0,
            case let name = inner.slice(0, open), case let versions = inner.from(open + 2), Self.isWord(name)
        else { return false }
        var old = versions
        var new = versions
        switch text[0] {
        case UInt8(ascii: "u"), UInt8(ascii: "d"):
            guard let arrow = versions.firstIndex(of: " -> ") else { return false }
            old = versions.slice(0, arrow)
            new = versions.from(arrow + 4)
        default: break
        }
        guard Self.isWord(old), Self.isWord(new) else { return false }
        let isInstall = text[0] == UInt8(ascii: "i")
        let isRemoval = text.hasPrefix("rem")
        if !isInstall {
            var record = record(.uninstall, stamp, line)
            record.name = name.string
            record.version = old.string
            record.cause = isRemoval ? .manual : .replaced
            if !isRemoval { record.otherVersion = new.string }
            findings.records.append(record)
        }
        if !isRemoval {
            var record = record(.install, stamp, line)
            record.name = name.string
            record.version = new.string
            record.installType = .binary
            if !isInstall { record.otherVersion = old.string }
            findings.records.append(record)
        }
        return true
    }

    private func takeNote(_ text: ByteText, _ stamp: Stamp, _ line: LogLine, _ findings: inout LogFindings) {
        // In old forms text of scripts looks the same; that does no harm, since no state follows from it.
        if let command = text.after("Running '")?.before(suffix: "'") {
            var record = record(.run, stamp, line)
            record.started = stamp.time
            record.finished = nil
            record.detail = command.slice(0, min(command.count, Self.maximumDetail)).string
            findings.records.append(record)
        } else if text.equals("synchronizing package lists") {
            var record = record(.sync, stamp, line)
            record.started = stamp.time
            record.finished = nil
            record.completeness = .inferred
            findings.records.append(record)
        }
    }

    private static func isWord(_ text: ByteText) -> Bool {
        !text.isEmpty && text.count <= 512 && text.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }

    private func record(_ event: PackageEvent, _ stamp: Stamp, _ line: LogLine) -> PackageRecord {
        var record = PackageRecord(machine: machine, manager: Self.manager, root: root, event: event)
        // The log has the beginning of the transaction, and not how long each package took.
        record.started = transaction
        record.finished = stamp.time
        record.recorded = stamp.text.string
        record.zoneOffset = stamp.offset
        record.position = line.logPosition
        return record
    }

    // MARK: - State

    package var pending: [PackageRecord] { [] }

    package var state: JSONObject {
        JSONObject(["Transaction": .optional(transaction?.seconds)]).withoutEmptyMembers
    }

    /// Goes on with a state that ``state`` gave.
    init(_ context: LogContext, state: JSONObject) throws(BackupError) {
        self.init(context)
        transaction = try StateFields(state, manager: Self.manager).integer("Transaction").map { Timestamp($0) }
    }
}
