import BackupModel
import BackupStorage
import BackupSystem

/// Where in a file of receipts the one for an element stands: the last of them counts. About 50 bytes a receipt are kept,
/// and the receipt is read again when it is asked for.
struct ReceiptIndex {
    enum Fate: UInt8 {
        /// Nothing has been found that it is about.
        case open
        /// It was acted on, and is not needed any more.
        case done
        /// It could not be acted on, and stays.
        case stays
    }

    private struct Entry {
        let offset: Int64
        let length: Int32
        var fate = Fate.open
    }

    /// Receipts that are taken in at a time: what is beyond waits until these are gone.
    private static let maximumCount = 1 << 20
    private static let maximumLines = 1 << 21
    /// Bytes that are no receipts, after which the rest of the file is not looked at.
    private static let maximumJunk: Int64 = 16 << 20

    let agent: AgentName
    let file: OwnedDescriptor
    private var entries: [UInt64: Entry] = [:]
    /// Lines that end before this byte were read.
    private(set) var end: Int64 = 0
    /// Lines that are no receipts; not a last one that a crash has cut off.
    private(set) var unreadable = 0
    /// Receipts in which another one than the agent says that it holds something.
    private(set) var strangers = 0
    /// One of those who call themselves otherwise.
    private(set) var stranger: String?
    /// Whether so much of the file is no receipts that the rest was not read.
    private(set) var hasGivenUp = false
    /// Lines that nobody needs: earlier receipts for the same element, and what is none.
    private var useless = 0

    var count: Int { entries.count }

    /// Reads the file through.
    init(_ file: OwnedDescriptor, of agent: AgentName) throws(BackupError) {
        self.file = file
        self.agent = agent
        var reader = LineReader(file, limit: CarriedReceipts.maximumLine, patience: Self.maximumJunk)
        var junk: Int64 = 0
        var lines = 0
        while entries.count < Self.maximumCount, lines < Self.maximumLines, let line = try reader.next() {
            end = line.end
            lines += 1
            guard let receipt = line.bytes.flatMap({ Self.parse($0) }) else {
                useless += 1
                guard line.hasNewline, line.bytes?.isEmpty != true else { continue }
                unreadable += 1
                junk += line.end - line.offset
                if junk > Self.maximumJunk {
                    hasGivenUp = true
                    break
                }
                continue
            }
            // Whatever file it lies in, it speaks of that one's copy.
            guard receipt.holder == agent.description else {
                strangers += 1
                stranger = receipt.holder
                useless += 1
                continue
            }
            guard let uuid = receipt.dataUUID, let length = Int32(exactly: line.end - line.offset) else {
                useless += 1
                continue
            }
            let entry = Entry(offset: line.offset, length: length)
            if entries.updateValue(entry, forKey: uuid.compactHash) != nil { useless += 1 }
        }
        hasGivenUp = hasGivenUp || reader.hasGivenUp
    }

    static func parse(_ line: [UInt8]) -> Receipt? { try? Receipt(json: try JSONParser.parse(line)) }

    /// The receipt for an element, if there is one.
    func receipt(for uuid: ElementUUID) throws(BackupError) -> Receipt? {
        guard let entry = entries[uuid.compactHash] else { return nil }
        var line = try file.read(Int(entry.length), at: entry.offset)
        if line.last == UInt8(ascii: "\n") { line.removeLast() }
        // Only hashes were compared, and the file is not in our hands.
        guard let receipt = Self.parse(line), receipt.dataUUID == uuid, receipt.holder == agent.description else {
            return nil
        }
        return receipt
    }

    func fate(of uuid: ElementUUID) -> Fate? { entries[uuid.compactHash]?.fate }

    /// Decides what becomes of a receipt. One that stays for one reason stays.
    mutating func decide(_ fate: Fate, for uuid: ElementUUID) {
        guard let old = entries[uuid.compactHash]?.fate, old != .stays else { return }
        entries[uuid.compactHash]?.fate = fate
    }

    /// What has not been found anywhere is about nothing any more.
    mutating func closeOpen() {
        for key in entries.keys where entries[key]?.fate == .open { entries[key]?.fate = .done }
    }

    /// Whether the file has lines that nobody needs.
    var needsRewriting: Bool {
        useless > 0 || hasGivenUp || entries.values.contains { $0.fate == .done }
    }

    /// The lines that are still needed, in the order of the file.
    var needed: [(offset: Int64, length: Int)] {
        entries.values.filter { $0.fate != .done }.map { ($0.offset, Int($0.length)) }.sorted { $0.0 < $1.0 }
    }
}
