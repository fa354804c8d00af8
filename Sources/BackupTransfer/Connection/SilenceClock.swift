import BackupModel
import BackupSystem

/// Tells how long a peer has been silent where it was its turn. What this side needs for its own work does not count, and
/// a peer that sends a byte now and then is silent too.
struct SilenceClock {
    /// Bytes that are progress, though no message has ended.
    private static let progress: Int64 = 4096

    /// Whether this side waits until the peer takes what it was sent.
    var waitsForRoom = false {
        didSet { madeProgress() }
    }

    private var lastProgress = SystemClock.monotonic()
    private var bytesThen: Int64 = 0
    private var workBegan: Double?

    mutating func madeProgress() { lastProgress = SystemClock.monotonic() }

    /// This side begins to deal with what has come.
    mutating func beginWork() { workBegan = SystemClock.monotonic() }

    /// - Parameters:
    ///   - bytes: how many bytes of payloads have come in all.
    ///   - hasEnded: whether a message has.
    mutating func received(upTo bytes: Int64, hasEnded: Bool) {
        guard hasEnded || bytes - bytesThen >= Self.progress else { return }
        bytesThen = bytes
        madeProgress()
    }

    mutating func endWork() {
        guard let began = workBegan else { return }
        workBegan = nil
        lastProgress += SystemClock.monotonic() - max(began, lastProgress)
    }

    /// Why the connection must end; `nil` while it may go on.
    ///
    /// - Parameters:
    ///   - isOwed: whether the peer owes an answer.
    ///   - owes: whether it is this side's turn to say something.
    func verdict(isOwed: Bool, owes: Bool, _ limits: PeerConnection.Limits) -> BackupError? {
        let silence = SystemClock.monotonic() - lastProgress
        let isAtWork = workBegan != nil
        if waitsForRoom || (isOwed && !isAtWork) {
            return silence > Double(limits.stallTimeout.seconds) ? .connectionStalled(limits.stallTimeout) : nil
        }
        guard !isAtWork, !owes else { return nil }
        return silence > Double(limits.idleTimeout.seconds) ? .connectionIdle(limits.idleTimeout) : nil
    }
}

extension ProtocolState.Event {
    /// Whether a message has ended: more than a piece of one.
    var isEnd: Bool {
        if case .part = self { return false }
        return true
    }
}
