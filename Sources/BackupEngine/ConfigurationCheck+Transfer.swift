import BackupConfig
import BackupModel
import BackupPipeline
import BackupSystem
import BackupTransfer
import Glibc

/// Whether those who come in and those who are gone to can be reached as it is configured. Connects to nobody.
extension ConfigurationCheck {
    mutating func checkTransfer() {
        for listener in installation.main.transfer.listeners {
            checkListener(listener)
            checkMirror(listener.receiver, "listener \(listener.agent)")
        }
        for peer in installation.main.transfer.peers {
            checkPeer(peer)
            checkMirror(peer.receiver, "peer \(peer.agent)")
        }
        checkControlSocket()
        checkTransferKeys()
    }

    /// By it the service tells how it stands, and it does not start without.
    private mutating func checkControlSocket() {
        let transfer = installation.main.transfer
        guard !transfer.listeners.isEmpty || !transfer.peers.isEmpty else { return }
        let path = ControlSocket.path(installation)
        guard path.utf8.count > SocketPath.maximumListenerLength else { return }
        add(.error, "transfer", "\(BackupError.socketPathTooLong(path, SocketPath.maximumListenerLength))")
    }

    /// What is mirrored is all that the filter lets through below the prefix: without either, this machine's own elements
    /// and those of other agents too, which the agent does not offer.
    private mutating func checkMirror(_ receiver: ReceiverSettings?, _ subject: String) {
        guard let receiver, case .mirror = receiver.policy, receiver.prefix == nil, receiver.filter.sources.isEmpty
        else {
            return
        }
        add(
            .error, subject,
            "policy: mirror has neither prefix nor sources: everything in this storage that the agent does not offer, backups "
                + "of this machine included, would go to the attic and be deleted; write prefix, or sources: [\"/**\"] if the "
                + "storage holds nothing but what is this agent's")
    }

    // MARK: - Listeners

    private mutating func checkListener(_ listener: ListenerSettings) {
        let subject = "listener \(listener.agent)"
        guard let path = listener.path else {
            return add(
                .good, subject, "it has no socket: `gb transfer serve --stdio --agent \(listener.agent)` leads to it")
        }
        let runtimeDirectory = installation.main.general.runtimeDirectory
        check(subject) { () throws(BackupError) in
            // User and group are looked up.
            _ = try listener.forConnector()
            try Self.checkPlace(ofSocket: path, runtimeDirectory: runtimeDirectory)
            return "\(path) can be made"
        }
        let obstacles = SocketReachability(path, listener).obstacles()
        for obstacle in obstacles { add(.warning, subject, obstacle) }
        if obstacles.isEmpty, listener.mode & 0o002 != 0, listener.allowedUIDs == nil {
            add(
                .warning, subject,
                "every user of this machine can connect to \(path), and is taken for \(listener.agent): set allowed_uids, or "
                    + "a narrower mode")
        }
    }

    private static func checkPlace(ofSocket path: String, runtimeDirectory: String) throws(BackupError) {
        let directory = RealPath.parent(path)
        guard access(directory, F_OK) == 0 else {
            // This one alone is made by the service.
            guard RealPath.of(directory) == RealPath.of(runtimeDirectory) else { throw .noSocketDirectory(directory) }
            let existing = nearestExisting(directory)
            guard access(existing, W_OK | X_OK) == 0 else { throw .system(errno, "write to", existing) }
            return
        }
        var status = stat()
        guard stat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw .system(ENOTDIR, "open the directory", directory)
        }
        guard access(directory, W_OK | X_OK) == 0 else { throw .system(errno, "write to", directory) }
        if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFSOCK { throw .socketPathTaken(path) }
    }

    // MARK: - Peers

    private mutating func checkPeer(_ peer: PeerSettings) {
        let installation = installation
        check("peer \(peer.agent)") { () throws(BackupError) in
            switch peer.connection {
            case .command(let command):
                let program = command.first ?? ""
                let stage = ProcessStage(name: program, executable: program, arguments: [])
                return "it is reached by \(try stage.locateProgram())"
            case .socket(let path):
                try Self.checkIsNotOurs(socket: path, installation)
                return "it is reached by \(path)"
            case .directory(let path):
                let storage = installation.main.storage.directory
                // A storage that sends to itself sees each element confirmed, and could delete the only copy.
                guard !RealPath.overlap(path, storage) else { throw .peerIsOwnStorage(path, storage) }
                return access(path, F_OK) == 0 ? "\(path) is there" : "\(path) is not there now"
            }
        }
    }

    private static func checkIsNotOurs(socket path: String, _ installation: Installation) throws(BackupError) {
        for listener in installation.main.transfer.listeners {
            guard let own = listener.path, RealPath.isSame(own, path) else { continue }
            throw .peerIsOwnListener(path, own, agent: listener.agent)
        }
        let control = ControlSocket.path(installation)
        guard !RealPath.isSame(control, path) else { throw .peerIsControlSocket(path, control) }
    }
}
