package import BackupModel

/// The wording of what keeps a connection from coming about.
extension BackupError {
    static func cannotConnect(_ path: String, _ cause: any Error) -> BackupError {
        BackupError(
            .busy, "cannot connect to \(path.escapedForMessage)",
            remedy: "check that the service is running there, and that this user may open the socket",
            cause: plain(cause))
    }

    static func cannotUsePipes(_ cause: any Error) -> BackupError {
        BackupError(
            .usage, "standard input and output are no pipes or sockets that the protocol can run over",
            remedy: "use --stdio behind ssh, socat or another program that connects both to a stream", cause: cause)
    }

    static func cannotListen(_ path: String, _ cause: any Error) -> BackupError {
        BackupError(
            (cause as? BackupError)?.code ?? .failed, "cannot listen on \(path.escapedForMessage)",
            remedy: "check that its directory exists and is writable for this user", cause: cause)
    }

    /// - Parameter kind: what the descriptor is.
    static func noPipe(_ name: String, _ kind: String) -> BackupError {
        BackupError(
            .usage, "\(name) is \(kind), over which no agent can speak",
            remedy: "use --stdio behind ssh, socat or another program that connects both to a stream")
    }

    /// - Parameter limit: in bytes.
    package static func socketPathTooLong(_ path: String, _ limit: Int) -> BackupError {
        BackupError(
            .configuration,
            "the path of the socket \(path.escapedForMessage) has \(path.utf8.count) bytes, and \(limit) is the most",
            remedy: "choose a shorter directory")
    }

    static func notASocket(_ path: String) -> BackupError {
        BackupError(
            .exists, "\(path.escapedForMessage) is there already, and is no socket",
            remedy: "choose another path for the listener, or remove what is there")
    }

    static func alreadyListening(_ path: String) -> BackupError {
        BackupError(
            .busy, "somebody listens on \(path.escapedForMessage) already",
            remedy: "stop the other service, or give this listener another path")
    }

    static func userNotAllowed(_ path: String, _ user: UInt32?) -> BackupError {
        BackupError(
            .permission,
            "the user \(user.map(String.init) ?? "that the system does not name") may not connect to \(path.escapedForMessage)",
            remedy: "add the user id to allowed_uids of the listener if it should")
    }

    static func tooManyConnections(_ path: String, _ limit: Int) -> BackupError {
        BackupError(
            .resources, "\(limit) connections are open on \(path.escapedForMessage) already",
            remedy: "raise maximum_connections of the listener if they are wanted")
    }
}
