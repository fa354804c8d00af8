package import BackupModel
package import BackupStorage
import BackupSystem
import Glibc

/// A directory that carries elements between machines which never meet: `data` is an ordinary storage, `receipts` brings
/// back who has stored what, `carrier.json` says for whom it was filled.
///
/// Whoever had the medium in the meantime can have put anything there. Nothing is read or written through a symbolic link
/// on it, so nothing on it leads elsewhere.
package struct Carrier: Sendable {
    package let path: String
    package let storage: DefaultFileStorage
    let receipts: CarriedReceipts
    private let root: Directory

    /// - Parameter create: make what is missing; the directory itself must be there, or a stick that is not mounted would
    ///   fill the disk beneath it.
    /// - Throws: `notFound` when it is no carrier, or is not mounted.
    package init(path: String, create: Bool) throws(BackupError) {
        self.path = path
        do throws(BackupError) { root = try Directory(path: path) } catch { throw .carrierMissing(path, error) }
        if !create, try root.status("data") == nil { throw .notACarrier(path) }
        do throws(BackupError) {
            storage = try DefaultFileStorage(in: root, name: "data", durability: .filesystem, create: create)
        } catch {
            throw .carrierUnusable(path, error)
        }
        receipts = CarriedReceipts(in: root)
    }

    /// The agents for whom it was filled.
    package var destinations: [AgentName] { CarrierLabel(on: root).agents }

    /// Notes that it is filled for `agent`.
    package func addDestination(_ agent: AgentName) throws(BackupError) {
        var label = CarrierLabel(on: root)
        try label.add(agent, on: root)
    }

    /// Cleans up what was left by a transfer to it that was killed, or pulled out.
    ///
    /// - Parameter date: what arrived in part and was not gone on with since then is removed.
    package func recover(now: Timestamp, partialsBefore date: Timestamp) throws(BackupError) {
        var recovery = StorageRecovery(storage)
        try recovery.run(now: now)
        _ = try storage.removePartials(before: date)
    }

    /// The bytes of disk that elements may take. Some are left for what is needed to clean up when it comes back.
    func room() throws(BackupError) -> Int64 { try storage.room() ?? .max }

    /// Removes receipts of `agent` that a later one has made needless.
    func tidyReceipts(of agent: AgentName) throws(BackupError) {
        if let index = try receipts.index(of: agent) { try receipts.rewrite(index) }
    }

    /// Removes all that has arrived in part: it would keep others from a medium that is full.
    func dropPartials() throws(BackupError) { _ = try storage.removePartials(before: Timestamp(.max)) }
}
