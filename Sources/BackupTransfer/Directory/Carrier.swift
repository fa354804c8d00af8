package import BackupModel
package import BackupStorage
import BackupSystem
import Glibc

/// A directory that carries elements between machines which never meet: `data` is an ordinary storage, `receipts` has
/// one file an agent, one receipt a line.
package struct Carrier: Sendable {
    /// The most that is read of one file of receipts, in bytes; what is beyond waits until it was emptied.
    private static let maximumReceipts = 64 << 20

    package let path: String
    package let storage: DefaultFileStorage
    private let receipts: Directory

    /// - Parameter create: make what is missing; the directory itself must be there, or a stick that is not mounted would
    ///   fill the disk beneath it.
    /// - Throws: `notFound` when it is no carrier, or is not mounted.
    package init(path: String, create: Bool) throws(BackupError) {
        self.path = path
        let root: Directory
        do throws(BackupError) { root = try Directory(path: path) } catch { throw .carrierMissing(path, error) }
        if !create, try root.status("data") == nil { throw .notACarrier(path) }
        storage = try DefaultFileStorage(path: path + "/data", durability: .filesystem, create: create)
        receipts = try root.directory("receipts", create: true)
    }

    /// Appends receipts of `agent`, durable on return.
    func addReceipts(_ list: [Receipt], of agent: AgentName) throws(BackupError) {
        guard !list.isEmpty else { return }
        let name = Self.fileName(agent)
        var bytes = try receipts.readFileIfPresent(name, limit: Self.maximumReceipts) ?? []
        if bytes.last.map({ $0 != UInt8(ascii: "\n") }) == true { bytes.append(UInt8(ascii: "\n")) }
        for receipt in list { bytes += Array((receipt.json.canonicalText + "\n").utf8) }
        try receipts.replaceFile(name, with: bytes)
    }

    /// The receipts of all agents that the carrier brings back; lines that are no receipts are given to `report`.
    package func receipts(
        report: (BackupError) -> Void
    ) throws(BackupError) -> [(agent: AgentName, receipt: Receipt)] {
        var names: [String] = []
        try receipts.forEachEntry { entry throws(BackupError) in names.append(entry.name) }
        var found: [(AgentName, Receipt)] = []
        for name in names.sorted() where name.hasSuffix(Self.suffix) {
            guard let agent = try? AgentName(String(name.dropLast(Self.suffix.count))) else { continue }
            let bytes = try receipts.readFile(name, limit: Self.maximumReceipts)
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                do throws(BackupError) {
                    found.append((agent, try Receipt(json: try JSONParser.parse(Array(line)))))
                } catch {
                    report(.receiptUnreadable(path + "/receipts/" + name, error))
                }
            }
        }
        return found
    }

    /// Takes receipts of `agent` away that have been acted on; durable on return.
    func removeReceipts(of agent: AgentName, for uuids: Set<ElementUUID>) throws(BackupError) {
        let name = Self.fileName(agent)
        guard !uuids.isEmpty, let bytes = try receipts.readFileIfPresent(name, limit: Self.maximumReceipts) else {
            return
        }
        var rest: [UInt8] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let receipt = try? Receipt(json: try JSONParser.parse(Array(line)))
            if let uuid = receipt?.dataUUID, uuids.contains(uuid) { continue }
            rest += line
            rest.append(UInt8(ascii: "\n"))
        }
        try receipts.replaceFile(name, with: rest)
    }

    /// Removes the elements that have arrived where they were to be brought, by these receipts: makes room.
    ///
    /// - Returns: how many.
    func removeArrived(_ arrived: [Receipt]) throws(BackupError) -> Int {
        var byUUID: [ElementUUID: Receipt] = [:]
        for receipt in arrived { if let uuid = receipt.dataUUID { byUUID[uuid] = receipt } }
        guard !byUUID.isEmpty else { return 0 }
        var ids: [ElementID] = []
        try storage.forEachElement(matching: nil) { _, listed throws(BackupError) in
            guard case .element(let element) = listed, let uuid = element.metadata.uuid,
                let receipt = byUUID[uuid], receipt.sha512 == element.metadata.checksum, receipt.size == element.size
            else { return }
            ids.append(element.id)
        }
        return storage.delete(ids).count { if case .success = $0 { true } else { false } }
    }

    private static let suffix = ".jsonl"
    private static func fileName(_ agent: AgentName) -> String { agent.description + suffix }
}
