package import BackupModel
import BackupSystem

extension DefaultFileStorage {
    /// The modification time of `.info`, which is written once.
    package func arrivalTime(of id: ElementID) throws(BackupError) -> Timestamp? {
        try directory(of: id.source)?.status(id.fileName("info"))?.modified
    }
}
