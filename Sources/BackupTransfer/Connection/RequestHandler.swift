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

/// Gives the answer to one request of a peer.
package struct Responder: Sendable {
    let connection: PeerConnection

    /// The version of the protocol in which this peer asks.
    package var version: Int { connection.serverVersion }

    /// From the next request on the peer may speak version 2.
    package func switchToVersion2() { connection.setServerVersion(2) }

    package func respond(_ payload: ByteBuffer) throws(BackupError) { try connection.respond(payload) }

    package func respond(_ value: JSONValue) throws(BackupError) {
        try connection.respond(ByteBuffer(string: value.canonicalText))
    }

    /// Sends a piece of a stream, and waits until the peer has taken enough of what came before.
    ///
    /// - Returns: `false` when the peer has asked to end the stream.
    package func part(_ bytes: ByteBuffer) async throws(BackupError) -> Bool { try await connection.sendPart(bytes) }

    /// Sends a stream that is one piece, and waits as ``part(_:)`` does.
    package func stream(of bytes: ByteBuffer) async throws(BackupError) { try await connection.sendStream(of: bytes) }

    package func endStream() throws(BackupError) { try connection.endStream() }
}
