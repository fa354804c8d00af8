import NIOCore

/// Our requests that wait for an answer, and those that wait until one more may be sent.
///
/// A request gets a place first, then is sent in it: between the two others may go ahead, and must not take it.
struct RequestSlots: Sendable {
    /// A request that was sent, and who takes its answer.
    private struct Open {
        let consumer: any AnswerConsumer
        /// Bytes of the request's payload.
        let length: Int
    }

    /// A request for which there was no place yet.
    private struct Waiting {
        /// Bytes of the request's payload.
        let length: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    /// Oldest first, as the answers come.
    private var open: [Open] = []
    /// Oldest first.
    private var waiting: [Waiting] = []
    /// Places of requests that are about to be sent, and their payload bytes.
    private var reserved = 0
    private var reservedBytes = 0

    /// Who takes the answer that comes next.
    var consumer: (any AnswerConsumer)? { open.first?.consumer }

    // MARK: - Places

    /// Reserves the place of a request of `length` bytes, unless others wait for theirs: a small request must not pass a
    /// large one for ever.
    mutating func take(_ length: Int, in machine: ProtocolState) -> Bool {
        waiting.isEmpty && reserve(length, in: machine)
    }

    /// Resumes `continuation` when the place of a request of `length` bytes is reserved, or when nobody gets one any more.
    mutating func wait(_ length: Int, _ continuation: CheckedContinuation<Void, Never>) {
        waiting.append(Waiting(length: length, continuation: continuation))
    }

    /// Who may go on now that a request has been answered; their places are reserved.
    mutating func admit(in machine: ProtocolState) -> [CheckedContinuation<Void, Never>] {
        var admitted: [CheckedContinuation<Void, Never>] = []
        while let next = waiting.first, reserve(next.length, in: machine) {
            admitted.append(waiting.removeFirst().continuation)
        }
        return admitted
    }

    /// A peer that is slow to answer would end the connection for too many bytes that wait at it, not only for too many
    /// requests.
    private mutating func reserve(_ length: Int, in machine: ProtocolState) -> Bool {
        let taken = machine.openRequests + reserved
        guard taken < machine.requestWindow,
            taken == 0 || open.reduce(reservedBytes + length, { $0 + $1.length }) <= machine.limits.unansweredBytes
        else { return false }
        reserved += 1
        reservedBytes += length
        return true
    }

    /// Gives back the place of a request of `length` bytes that is being sent.
    mutating func release(_ length: Int) {
        reserved -= 1
        reservedBytes -= length
    }

    // MARK: - Answers

    /// A request of `length` bytes was sent; `consumer` takes its answer.
    mutating func didSend(_ length: Int, to consumer: any AnswerConsumer) {
        open.append(Open(consumer: consumer, length: length))
    }

    /// The answer to the oldest request has ended: whose it was.
    mutating func didAnswer() -> (any AnswerConsumer)? { open.isEmpty ? nil : open.removeFirst().consumer }

    // MARK: - The end

    /// Nobody gets a place any more: who must hear of it.
    mutating func endWaiting() -> [CheckedContinuation<Void, Never>] {
        defer { waiting = [] }
        return waiting.map(\.continuation)
    }

    /// No answer comes any more: who must hear of it, oldest first.
    mutating func endOpen() -> [any AnswerConsumer] {
        defer { open = [] }
        return open.map(\.consumer)
    }
}
