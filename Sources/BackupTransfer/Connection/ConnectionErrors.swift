import BackupModel
import Glibc
import NIOCore

/// The wording of what ends a connection or a request; what breaks the protocol itself is in `ProtocolErrors`.
extension BackupError {
    static func connectionClosed() -> BackupError { BackupError(.interrupted, "the connection is closed") }

    static func connectionBroken(_ cause: any Error) -> BackupError {
        BackupError(
            .inputOutput, "the connection broke",
            remedy: "what was stored stays, and what was under way goes on where it stopped the next time",
            cause: plain(cause))
    }

    static func connectionStalled(_ limit: TimeSpan) -> BackupError {
        BackupError(
            .timedOut, "the peer owes an answer, or takes none, and has made no progress for \(limit)",
            remedy: "check the link; stall_timeout of the transfer sets the limit")
    }

    static func connectionIdle(_ limit: TimeSpan) -> BackupError {
        BackupError(
            .timedOut, "neither side has asked for anything for \(limit)",
            remedy: "idle_timeout of the transfer sets the limit")
    }

    static func unexpectedStream() -> BackupError {
        BackupError(.untrusted, "the peer answers with a stream where one frame belongs")
    }

    /// What the system says, without the names of calls that the network library adds.
    static func plain(_ error: any Error) -> any Error {
        guard let error = error as? IOError else { return error }
        return BackupError(.inputOutput, String(cString: strerror(error.errnoCode)))
    }
}
