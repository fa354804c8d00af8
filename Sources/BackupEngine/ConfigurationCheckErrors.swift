import BackupModel

/// The wording of what `gb config check` finds in the settings of transfers.
extension BackupError {
    static func noSocketDirectory(_ path: String) -> BackupError {
        BackupError(
            .configuration, "the directory \(path.escapedForMessage) of the socket does not exist",
            remedy: "make it, so that those who may connect can enter it, or let the path begin with runtime_directory")
    }

    static func socketPathTaken(_ path: String) -> BackupError {
        BackupError(
            .configuration, "\(path.escapedForMessage) is there, and is no socket",
            remedy: "remove it, or choose another path")
    }

    static func peerIsOwnStorage(_ path: String, _ storage: String) -> BackupError {
        BackupError(
            .configuration,
            "\(path.escapedForMessage) leads to the storage of this machine, \(storage.escapedForMessage), or to a part of "
                + "it, or it contains it",
            remedy: "name a directory apart from it, for example on a mounted stick")
    }

    static func peerIsOwnListener(_ path: String, _ own: String, agent: String) -> BackupError {
        BackupError(
            .configuration,
            "\(path.escapedForMessage) leads to \(own.escapedForMessage), on which this machine itself listens, for the "
                + "agent \(agent)",
            remedy: "name the socket of the other machine, or one that leads to it")
    }

    static func peerIsControlSocket(_ path: String, _ control: String) -> BackupError {
        BackupError(
            .configuration,
            "\(path.escapedForMessage) leads to \(control.escapedForMessage), by which this machine tells how its own "
                + "service stands",
            remedy: "name the socket of the other machine, or one that leads to it")
    }
}
