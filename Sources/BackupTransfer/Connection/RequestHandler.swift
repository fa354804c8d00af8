package import BackupModel
package import NIOCore

/// Answers the requests of a peer, one after the other.
package protocol RequestHandler: Sendable {
    /// Gives exactly one answer through `responder`.
    ///
    /// - Throws: what the peer is told (version 2), or what ends the connection (version 1).
    func handle(_ payload: ByteBuffer, _ responder: Responder) async throws(BackupError)

    /// No more requests come: what a session holds is given up.
    func close() async
}
