import BackupConfig
import BackupModel
import BackupTransfer
import Glibc

extension ListenerSettings {
    /// The listener with the names of user and group resolved; `nil` without a path, as nobody can connect to it.
    ///
    /// - Throws: `configuration` when there is no such user or group.
    func forConnector() throws(BackupError) -> SocketConnectorService.Listener? {
        guard let path else { return nil }
        return SocketConnectorService.Listener(
            path: path, mode: mode,
            owner: try owner.map { setting throws(BackupError) in try Self.user(setting, path) },
            group: try group.map { setting throws(BackupError) in try Self.group(setting, path) },
            allowedUIDs: allowedUIDs.map(Set.init), maximumConnections: maximumConnections)
    }

    private static func user(_ setting: AccountSetting, _ path: String) throws(BackupError) -> UInt32 {
        switch setting {
        case .id(let number): return number
        case .name(let name):
            guard let entry = getpwnam(name) else { throw .unknownAccount("user", name, path) }
            return entry.pointee.pw_uid
        }
    }

    private static func group(_ setting: AccountSetting, _ path: String) throws(BackupError) -> UInt32 {
        switch setting {
        case .id(let number): return number
        case .name(let name):
            guard let entry = getgrnam(name) else { throw .unknownAccount("group", name, path) }
            return entry.pointee.gr_gid
        }
    }
}
