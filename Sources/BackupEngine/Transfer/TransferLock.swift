import BackupModel
import BackupSystem

/// One transfer service works with a state directory. Rounds that a person starts go beside it: elements that both would
/// fetch are locked one by one.
enum TransferLock {
    private static let name = "transfer.lock"

    static func acquire(_ installation: Installation) throws(BackupError) -> FileLock {
        let state = try installation.stateDirectory()
        do throws(BackupError) {
            return try FileLock.acquire(name, in: state, note: "\(ProcessIdentity.number)\n")
        } catch {
            throw error.code == .busy ? .transferBusy(state.path, error) : error
        }
    }
}
