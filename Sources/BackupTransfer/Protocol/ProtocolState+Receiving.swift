package import BackupModel
package import NIOCore

extension ProtocolState {
    /// Takes what has arrived and tells what it means.
    ///
    /// `event` must not use this state; events that came before a violation are told before it is thrown.
    ///
    /// - Throws: `BackupError` with code `untrusted` on the first violation of the protocol. The connection is dead then:
    ///   every later call throws the same.
    package mutating func receive(_ bytes: ByteBuffer, _ event: (Event) -> Void) throws(BackupError) {
        if let violation { throw violation }
        var input = bytes
        do throws(BackupError) {
            while let item = try decoder.next(&input) {
                switch item {
                case .begin(let type, let length): try begin(type, length)
                case .piece(let piece): event(.part(piece))
                case .payload(let type, let payload): take(type, payload, event)
                }
            }
        } catch {
            violation = error
            throw error
        }
    }

    /// Takes the end of the stream.
    ///
    /// - Throws: `BackupError` with code `inputOutput` when the connection was not finished and so is broken, naming where
    ///   the conversation stood. What ended the connection before is thrown again.
    package mutating func receiveEnd() throws(BackupError) {
        if let violation { throw violation }
        guard isFinished, decoder.isBetweenFrames else {
            let error = BackupError.brokenConnection(situation, isWithinFrame: !decoder.isBetweenFrames)
            violation = error
            throw error
        }
    }

    /// Judges a frame by its header, before its payload takes memory.
    private mutating func begin(_ type: FrameType, _ length: Int) throws(BackupError) {
        switch type {
        case .request: try checkRequest(length)
        case .response, .part, .failure: try checkAnswer(type, length)
        case .abort: try checkAbort(length)
        }
    }

    private func checkRequest(_ length: Int) throws(BackupError) {
        guard peerOffer == .none else { throw .violation("a request after the shutdown offer", .request, situation) }
        // The shutdown offer waits for its turn; in version 1 its turn is when nothing is open.
        guard unanswered < peerRequestWindow || (length == 0 && serverVersion >= 2) else {
            throw .violation("one more request than the \(peerRequestWindow) that may be open", .request, situation)
        }
        let bytes = unansweredLengths.reduce(length, +)
        guard bytes <= max(limits.unansweredBytes, limits.frameLength) else {
            throw .violation(
                "\(bytes) bytes of requests wait, and \(limits.unansweredBytes) is the most", .request, situation)
        }
    }

    private mutating func checkAnswer(_ type: FrameType, _ length: Int) throws(BackupError) {
        guard openRequests > 0 else {
            guard offer == .made, type == .response, length == 0 else {
                throw .violation("an answer where nothing was asked", type, situation)
            }
            return
        }
        switch type {
        case .part: isReceivingStream = true
        case .failure where clientVersion < 2: throw .violation("an error frame in version 1", type, situation)
        case .response where isReceivingStream && length > 0:
            throw .violation("\(length) bytes in the frame that ends a stream", type, situation)
        default: break
        }
    }

    private func checkAbort(_ length: Int) throws(BackupError) {
        guard serverVersion >= 2 else { throw .violation("an abort in version 1", .abort, situation) }
        guard length == 0 else { throw .violation("an abort with \(length) bytes", .abort, situation) }
        guard abortableStreams > 0 else {
            throw .violation("an abort where no stream was sent", .abort, situation)
        }
    }

    /// Takes a frame that was found legal when it began.
    private mutating func take(_ type: FrameType, _ payload: ByteBuffer, _ event: (Event) -> Void) {
        switch type {
        case .request:
            if payload.readableBytes == 0 {
                peerOffer = .made
                event(.shutdownOffered)
            } else {
                unanswered += 1
                unansweredLengths.append(payload.readableBytes)
                event(.request(payload))
            }
        case .response:
            if openRequests > 0 {
                answerEnded()
                event(.response(payload))
            } else {
                offer = .answered
                event(.shutdownAnswered)
                if isFinished { event(.finished) }
            }
        case .failure:
            answerEnded()
            event(.failure(payload))
        case .abort:
            abortableStreams -= 1
            // Otherwise it came too late: the stream it means has ended.
            if isSendingStream, !isAborted {
                isAborted = true
                event(.abortRequested)
            }
        case .part: break
        }
    }

    private mutating func answerEnded() {
        openRequests -= 1
        isReceivingStream = false
        hasSentAbort = false
    }
}
