package import BackupModel
package import NIOCore

// What we send. A call that would violate the protocol throws `failed` and writes nothing; on a dead connection every
// call throws what ended it.

extension ProtocolState {
    // MARK: - Asking

    /// Writes a request. Its answer is the next one for which no older request is open.
    ///
    /// - Parameter payload: 1 to ``ProtocolLimits/frameLength`` bytes.
    /// - Throws: `BackupError` with code `failed`: too many requests are open, the shutdown is offered, a wrong length.
    package mutating func sendRequest(_ payload: ByteBuffer, into out: inout ByteBuffer) throws(BackupError) {
        try checkAlive()
        guard offer == .none else { throw .misuse("a request after the shutdown offer", situation) }
        guard openRequests < requestWindow else {
            throw .misuse("one more request than the \(requestWindow) that may be open", situation)
        }
        guard payload.readableBytes > 0 else { throw .misuse("a request without bytes", situation) }
        try write(.request, payload, into: &out)
        openRequests += 1
    }

    /// Writes that we send no more requests. Those of the peer are still to be answered.
    ///
    /// - Throws: `BackupError` with code `failed`: a second offer, or one while a request is open in version 1.
    package mutating func offerShutdown(into out: inout ByteBuffer) throws(BackupError) {
        try checkAlive()
        guard offer == .none else { throw .misuse("a second shutdown offer", situation) }
        guard clientVersion >= 2 || openRequests == 0 else {
            throw .misuse("a shutdown offer while a request is open", situation)
        }
        out.writeFrameHeader(.request, length: 0)
        offer = .made
    }

    /// Asks the peer to end the stream that answers the oldest open request of ours.
    ///
    /// The frame does not name its stream. If this stream is ending just then, the peer takes the abort for its next one:
    /// after an abort, every stream whose request was open at that moment may end early and is then to be asked for again.
    ///
    /// - Throws: `BackupError` with code `failed`: version 1, no `P` of that stream has come yet, or it was asked before.
    package mutating func sendAbort(into out: inout ByteBuffer) throws(BackupError) {
        try checkAlive()
        guard clientVersion >= 2 else { throw .misuse("an abort in version 1", situation) }
        guard isReceivingStream else { throw .misuse("an abort where no stream is being received", situation) }
        guard !hasSentAbort else { throw .misuse("a second abort of a stream", situation) }
        out.writeFrameHeader(.abort, length: 0)
        hasSentAbort = true
    }

    // MARK: - Answering

    /// Writes the whole answer to the oldest unanswered request of the peer.
    ///
    /// - Parameter payload: 0 to ``ProtocolLimits/frameLength`` bytes.
    /// - Throws: `BackupError` with code `failed`: no request is unanswered, its stream has begun, a wrong length.
    package mutating func respond(_ payload: ByteBuffer, into out: inout ByteBuffer) throws(BackupError) {
        try checkUnanswered("an answer")
        guard !isSendingStream else { throw .misuse("a whole answer where a stream has begun", situation) }
        try write(.response, payload, into: &out)
        didAnswer()
    }

    /// Writes the header of a part of the stream that answers the oldest unanswered request of the peer.
    ///
    /// - Parameter length: what the caller writes behind it, 0 to ``ProtocolLimits/frameLength`` bytes.
    /// - Throws: `BackupError` with code `failed`: no request is unanswered, a wrong length.
    package mutating func beginPart(length: Int, into out: inout ByteBuffer) throws(BackupError) {
        try checkUnanswered("a part of a stream")
        try checkLength(length, .part)
        if !isSendingStream {
            isSendingStream = true
            if serverVersion >= 2 { abortableStreams += 1 }
        }
        out.writeFrameHeader(.part, length: length)
    }

    /// Writes the end of the stream that answers the oldest unanswered request of the peer: one of no bytes if no part of
    /// it was sent.
    ///
    /// - Throws: `BackupError` with code `failed`: no request is unanswered.
    package mutating func endStream(into out: inout ByteBuffer) throws(BackupError) {
        try checkUnanswered("the end of a stream")
        out.writeFrameHeader(.response, length: 0)
        didAnswer()
    }

    /// Writes that the oldest unanswered request of the peer cannot be answered, or that its stream cannot go on.
    ///
    /// - Parameter payload: what ``RemoteFailure`` encodes.
    /// - Throws: `BackupError` with code `failed`: version 1, no request is unanswered, a wrong length.
    package mutating func respondFailure(_ payload: ByteBuffer, into out: inout ByteBuffer) throws(BackupError) {
        try checkUnanswered("an error frame")
        guard serverVersion >= 2 else { throw .misuse("an error frame in version 1", situation) }
        try write(.failure, payload, into: &out)
        didAnswer()
    }

    /// Writes the answer to the peer's shutdown offer. See ``isFinished`` afterwards: no event tells it.
    ///
    /// - Throws: `BackupError` with code `failed`: there is no offer, it was answered, or requests before it were not.
    package mutating func answerShutdown(into out: inout ByteBuffer) throws(BackupError) {
        try checkAlive()
        guard peerOffer == .made, unanswered == 0 else {
            throw .misuse("an answer to a shutdown offer whose turn has not come", situation)
        }
        out.writeFrameHeader(.response, length: 0)
        peerOffer = .answered
    }

    // MARK: - Checks

    private func checkAlive() throws(BackupError) {
        if let violation { throw violation }
    }

    private func checkUnanswered(_ what: String) throws(BackupError) {
        try checkAlive()
        guard unanswered > 0 else { throw .misuse("\(what) where nothing was asked", situation) }
    }

    private func checkLength(_ length: Int, _ type: FrameType) throws(BackupError) {
        guard (0...limits.frameLength).contains(length) else {
            throw .misuse("a frame \(type) of \(length) bytes, and \(limits.frameLength) is the most", situation)
        }
    }

    private func write(_ type: FrameType, _ payload: ByteBuffer, into out: inout ByteBuffer) throws(BackupError) {
        try checkLength(payload.readableBytes, type)
        out.writeFrameHeader(type, length: payload.readableBytes)
        out.writeImmutableBuffer(payload)
    }

    private mutating func didAnswer() {
        unanswered -= 1
        if !unansweredLengths.isEmpty { unansweredLengths.removeFirst() }
        isSendingStream = false
        isAborted = false
    }
}
