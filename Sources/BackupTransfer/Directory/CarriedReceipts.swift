import BackupModel
import BackupSystem
import Glibc

/// The receipts on a carrier: in the directory `receipts` one file for each agent, `<agent>.jsonl`, one receipt a line.
///
/// The carrier may come out of strange hands, so nothing is taken for granted: not that these are files, nor whose, nor how
/// long they are, nor what stands in them.
struct CarriedReceipts: Sendable {
    /// The bytes of a line: more than a receipt with the longest signature has.
    static let maximumLine = 256 << 10
    static let suffix = ".jsonl"
    private static let directoryName = "receipts"
    private static let lockName = "lock"
    /// A change takes a moment: whoever holds the lock for so many seconds is stuck.
    private static let patience = 30.0
    /// The most that a crash can leave of receipts which were being written.
    private static let tail = 4 << 20

    private let root: Directory

    /// - Parameter root: of the carrier.
    init(in root: Directory) { self.root = root }

    var path: String { root.path + "/" + Self.directoryName }

    private static func fileName(_ agent: AgentName) -> String { agent.description + suffix }

    func path(of agent: AgentName) -> String { path + "/" + Self.fileName(agent) }

    // MARK: - Reading

    /// The names of all agents of whom there are receipts, sorted; at most `limit`.
    func agents(limit: Int) throws(BackupError) -> [AgentName] {
        var found: [AgentName] = []
        guard let directory = try existing() else { return [] }
        try directory.forEachEntry { entry throws(BackupError) in
            guard entry.name.hasSuffix(Self.suffix), found.count < limit,
                let agent = try? AgentName(String(entry.name.dropLast(Self.suffix.count)))
            else { return }
            found.append(agent)
        }
        return found.sorted()
    }

    /// What there is of an agent; `nil` for nothing.
    func index(of agent: AgentName) throws(BackupError) -> ReceiptIndex? {
        guard let file = try existing()?.openIfPresent(Self.fileName(agent)) else { return nil }
        return try ReceiptIndex(file, of: agent)
    }

    private func existing() throws(BackupError) -> Directory? {
        guard try root.status(Self.directoryName) != nil else { return nil }
        return try root.directory(Self.directoryName)
    }

    // MARK: - Writing

    /// Adds receipts of `agent`, durable on return. All of them or none.
    func append(_ list: [Receipt], of agent: AgentName) throws(BackupError) {
        guard !list.isEmpty else { return }
        var bytes: [UInt8] = []
        for receipt in list { bytes += Array((receipt.json.canonicalText + "\n").utf8) }
        let directory = try root.directory(Self.directoryName, create: true)
        let lock = try acquireLock(in: directory)
        defer { lock.release() }
        let file = try directory.openForAppending(Self.fileName(agent))
        let end = try repairEnd(of: file)
        do throws(BackupError) {
            try file.write(bytes)
            try file.sync()
        } catch {
            try? file.truncate(to: end)
            throw error
        }
    }

    /// Ends the last line of a file which somebody was writing when the power went: what is whole of it stays, what is not
    /// goes, and the next line begins on its own.
    ///
    /// - Returns: the size of the file.
    private func repairEnd(of file: OwnedDescriptor) throws(BackupError) -> Int64 {
        let size = try file.status().size
        let newline = UInt8(ascii: "\n")
        guard size > 0, try file.read(1, at: size - 1).last != newline else { return size }
        let start = max(0, size - Int64(Self.tail))
        let bytes = try file.read(Self.tail, at: start)
        let line: ArraySlice<UInt8>
        if let last = bytes.lastIndex(of: newline) {
            line = bytes[(last + 1)...]
        } else {
            // No receipt is as long as that.
            guard start == 0 else { throw .receiptsUnusable(file.name) }
            line = bytes[...]
        }
        if line.count <= Self.maximumLine, ReceiptIndex.parse(Array(line)) != nil {
            try file.write([newline])
            return size + 1
        }
        let end = size - Int64(line.count)
        try file.truncate(to: end)
        return end
    }

    /// Takes away what the index says is not needed. What was added since stays. Who looks sees the old file or the new
    /// one, which is durable on return.
    func rewrite(_ index: ReceiptIndex) throws(BackupError) {
        guard index.needsRewriting, let directory = try existing() else { return }
        let lock = try acquireLock(in: directory)
        defer { lock.release() }
        let name = Self.fileName(index.agent)
        guard let file = try directory.openIfPresent(name) else { return }
        let (now, then) = (try file.status(), try index.file.status())
        // Somebody else has rewritten it; the next time will do.
        guard now.inode == then.inode, now.device == then.device else { return }
        let temporary = name + ".tmp"
        try directory.removeFile(temporary)
        let new = try directory.createFile(temporary)
        defer { try? directory.removeFile(temporary) }
        try copyNeeded(index, from: file, to: new)
        if try new.status().size == 0 {
            try directory.removeFile(name)
        } else {
            try new.sync()
            try directory.rename(temporary, to: name)
        }
        try directory.sync()
    }

    private func copyNeeded(
        _ index: ReceiptIndex, from file: OwnedDescriptor, to new: OwnedDescriptor
    ) throws(BackupError) {
        var buffer: [UInt8] = []
        for (offset, length) in index.needed {
            buffer += try file.read(length, at: offset)
            if buffer.last != UInt8(ascii: "\n") { buffer.append(UInt8(ascii: "\n")) }
            if buffer.count > 1 << 20 {
                try new.write(buffer)
                buffer = []
            }
        }
        try new.write(buffer)
        // Behind so much that is no receipts, nothing is looked for.
        guard !index.hasGivenUp else { return }
        var position = index.end
        while true {
            let part = try file.read(1 << 20, at: position)
            if part.isEmpty { return }
            try new.write(part)
            position += Int64(part.count)
        }
    }

    private func acquireLock(in directory: Directory) throws(BackupError) -> FileLock {
        let end = SystemClock.monotonic() + Self.patience
        while true {
            do throws(BackupError) { return try FileLock.acquire(Self.lockName, in: directory) } catch {
                guard error.code == .busy, SystemClock.monotonic() < end else { throw error }
                usleep(2000)
            }
        }
    }
}

extension Directory {
    fileprivate func openIfPresent(_ name: String) throws(BackupError) -> OwnedDescriptor? {
        guard let status = try status(name) else { return nil }
        // Some devices act on being opened; the call refuses the rest.
        guard status.kind != .other else { throw .receiptsUnusable(path + "/" + name) }
        return try openFile(name)
    }
}
