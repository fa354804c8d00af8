package import BackupModel
package import NIOCore
import Synchronization

/// Gives the answer to one request of a peer.
package struct Responder: Sendable {
    let conversation: Conversation

    /// The version of the protocol in which this peer asks: 1 or 2.
    package var version: Int { conversation.state.withLock { $0.machine.serverVersion } }

    /// From the next request on the peer may speak version 2.
    package func switchToVersion2() { conversation.state.withLock { $0.machine.serverVersion = 2 } }

    // MARK: - Whole answers

    /// Gives an answer that is one frame.
    ///
    /// - Throws: what ended the connection; `failed` when the payload is longer than a frame.
    package func respond(_ payload: ByteBuffer) throws(BackupError) {
        try conversation.write { state, out throws(BackupError) in try state.machine.respond(payload, into: &out) }
    }

    package func respond(_ value: JSONValue) throws(BackupError) {
        try respond(ByteBuffer(string: value.canonicalText))
    }

    /// Says that there is no answer, or that its stream cannot go on (version 2).
    func refuse(_ failure: RemoteFailure) throws(BackupError) {
        let payload = failure.encoded
        try conversation.write { state, out throws(BackupError) in
            try state.machine.respondFailure(payload, into: &out)
        }
    }

    // MARK: - Streams

    /// Sends a piece of a stream, and waits until the peer has taken enough of what came before.
    ///
    /// - Returns: `false` when the peer has asked to end the stream.
    /// - Throws: what ended the connection.
    package func part(_ bytes: ByteBuffer) async throws(BackupError) -> Bool {
        var rest = bytes
        while let piece = rest.readSlice(length: min(rest.readableBytes, await conversation.pieceLength)) {
            guard try await frame(piece) else { return false }
            if rest.readableBytes == 0 { return true }
        }
        return true
    }

    private func frame(_ bytes: ByteBuffer) async throws(BackupError) -> Bool {
        await conversation.throttle(bytes.readableBytes)
        try conversation.write(bytes) { state, out throws(BackupError) in
            try state.machine.beginPart(length: bytes.readableBytes, into: &out)
        }
        await conversation.waitForRoom()
        return try conversation.state.withLock { state throws(BackupError) in
            if let failure = state.failure { throw failure }
            return !state.machine.isAborted
        }
    }

    package func endStream() throws(BackupError) {
        try conversation.write { state, out throws(BackupError) in
            try state.machine.endStream(into: &out)
        }
    }

    /// Sends all of a stream that is one piece, and waits as ``part(_:)`` does.
    ///
    /// What a limit lets through at once goes out in one write: with many small streams the writes are most of the work.
    package func stream(of bytes: ByteBuffer) async throws(BackupError) {
        guard bytes.readableBytes > 0 else { return try endStream() }
        guard bytes.readableBytes <= (await conversation.pieceLength) else {
            _ = try await part(bytes)
            return try endStream()
        }
        await conversation.throttle(bytes.readableBytes)
        try conversation.write(mayAwaitNext: true) { state, out throws(BackupError) in
            out.reserveCapacity(bytes.readableBytes + 2 * FrameType.headerLength)
            try state.machine.beginPart(length: bytes.readableBytes, into: &out)
            out.writeImmutableBuffer(bytes)
            try state.machine.endStream(into: &out)
        }
        await conversation.waitForRoom()
    }
}
