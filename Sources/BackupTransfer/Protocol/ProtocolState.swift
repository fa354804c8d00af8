import BackupModel
package import NIOCore

/// One connection's state: bytes in, events out; calls in, bytes out. It does no input or output, knows no time, and holds
/// at most one frame.
///
/// Two directions share the stream. In the *client* direction we ask and the peer answers; in the *server* direction it
/// asks and we answer. Each is of version 1 until it is set to 2.
package struct ProtocolState: Sendable {
    /// What the peer did.
    package enum Event: Sendable, Equatable {
        /// The payload of a request, to be answered in its turn.
        case request(ByteBuffer)
        /// The peer sends no more requests; ``ProtocolState/answerShutdown(into:)`` answers it in its turn.
        case shutdownOffered
        /// A piece, at least one byte, of the stream that answers the oldest open request of ours. Pieces come as they
        /// arrive, without regard to frames.
        case part(ByteBuffer)
        /// The end of the answer to the oldest open request of ours: the answer itself or, with no bytes, the end of its
        /// stream.
        case response(ByteBuffer)
        /// The peer could not answer the oldest open request of ours (version 2). Parts may have come before.
        case failure(ByteBuffer)
        /// The peer does not want the rest of the stream that is being sent (version 2): end it with
        /// ``ProtocolState/endStream(into:)`` at the next frame boundary.
        case abortRequested
        /// The peer has answered our shutdown offer: it has answered all requests of ours.
        case shutdownAnswered
        /// Both sides have offered and been answered: the connection is to be closed.
        case finished
    }

    /// A shutdown offer of one side.
    enum Offer: Sendable { case none, made, answered }

    /// The version in which we ask, 1 or 2. Set it to 2 when the answer to `getPolicyInfo` says so, before the next request.
    package var clientVersion = 1
    /// The version in which the peer may ask, 1 or 2. Set it to 2 when ``respond(_:into:)`` has sent the answer to
    /// `getPolicyInfo` that says so.
    package var serverVersion = 1
    /// Requests of ours that are not yet answered whole. A shutdown offer is none.
    package internal(set) var openRequests = 0
    /// Requests of the peer that are not yet answered whole. A shutdown offer is none.
    package internal(set) var unanswered = 0

    let limits: ProtocolLimits
    var decoder: FrameDecoder
    /// The payload bytes of each of these, oldest first.
    var unansweredLengths: [Int] = []
    var offer = Offer.none
    var peerOffer = Offer.none
    /// Whether a `P` has begun the answer to the oldest open request of ours, and whether we have asked to end it.
    var isReceivingStream = false
    var hasSentAbort = false
    /// Whether a `P` of ours has begun the answer to the oldest unanswered request of the peer.
    var isSendingStream = false
    /// Whether the peer was heard to ask for the end of that stream.
    var isAborted = false
    /// Streams of ours that the peer may still ask to end: its `A` may come when the stream has ended already.
    var abortableStreams = 0
    /// What ended the connection.
    var violation: BackupError?

    package init(limits: ProtocolLimits = ProtocolLimits()) {
        self.limits = limits
        decoder = FrameDecoder(frameLength: limits.frameLength)
    }

    /// The largest number of requests that may be open at once: of ours, and of the peer's.
    var requestWindow: Int { clientVersion >= 2 ? max(1, limits.openRequests) : 1 }
    var peerRequestWindow: Int { serverVersion >= 2 ? max(1, limits.openRequests) : 1 }
    /// Bytes of payloads that have come so far, those of frames under way included.
    package var receivedBytes: Int64 { decoder.payloadBytes }
    /// Whether we have offered the shutdown.
    package var hasOffered: Bool { offer != .none }
    /// Whether the peer has offered the shutdown.
    package var peerHasOffered: Bool { peerOffer != .none }
    /// Whether both sides have offered and been answered.
    package var isFinished: Bool { offer == .answered && peerOffer == .answered }

    /// Where the conversation stands, for messages.
    var situation: String {
        var text = "version \(clientVersion) as client with \(openRequests) open requests"
        switch offer {
        case .none: break
        case .made: text += " and the shutdown offered"
        case .answered: text += " and the shutdown done"
        }
        text += ", version \(serverVersion) as server with \(unanswered) unanswered requests"
        switch peerOffer {
        case .none: break
        case .made: text += " and the shutdown offered by the peer"
        case .answered: text += " and the shutdown of the peer done"
        }
        return text
    }
}
