import BackupModel
import BackupSystem
import Glibc
import Synchronization

/// What was wrong with one node of a running pipeline.
struct NodeFailure: Sendable {
    enum Kind: Sendable {
        /// Its own fault, as far as it can tell.
        case own
        /// It could not write, as its reader had gone.
        case readerGone
        /// It was told to end.
        case stopped
    }

    let kind: Kind
    let error: BackupError
}

/// Why a pipeline does not simply go on to its end.
enum Trigger: Sendable {
    /// A stage failed: the others end of themselves, mostly.
    case failure
    /// A stage hangs: waiting would help nobody.
    case hanging
    /// The prefix that was asked for is complete.
    case enough
    /// The task was cancelled.
    case cancelled
}

/// What is known of a running pipeline, shared by all of its threads.
final class RunState: Sendable {
    struct Node: Sendable {
        let label: StageLabel
        /// Seconds that it may run.
        let timeout: Double?
        var startedAt: Double?
        /// When the process ended; its end may be looked into for a while after that.
        var exitedAt: Double?
        var endedAt: Double?
        /// Process and process group, valid until the latch is opened, since the process stays a zombie until then.
        var pid: pid_t?
        /// Whether it was told to end while it ran.
        var wasStopped = false
        /// How often it has said something on descriptor 3.
        var messages: Int64 = 0
        var exitStatus: Int32?
        var standardError = ""
        var failure: NodeFailure?

        init(_ label: StageLabel, timeout: Double?) {
            self.label = label
            self.timeout = timeout
        }
    }

    private struct State {
        var nodes: [Node]
        var trigger: Trigger?
        var isStopping = false
        var isUrgent = false
    }

    private let state: Mutex<State>
    /// Something has happened: the supervisor looks.
    let wake: WakeEvent
    /// All threads end.
    let stop: WakeEvent
    /// Processes are reaped once it opens.
    let mayReap = Latch()

    init(_ nodes: [Node]) throws(BackupError) {
        state = Mutex(State(nodes: nodes))
        wake = try WakeEvent(name: "an event")
        stop = try WakeEvent(name: "an event")
    }

    func close() {
        wake.close()
        stop.close()
    }

    var nodes: [Node] { state.withLock { $0.nodes } }
    var trigger: Trigger? { state.withLock { $0.trigger } }
    var isStopping: Bool { state.withLock { $0.isStopping } }
    /// Whether nobody waits any longer.
    var isUrgent: Bool { state.withLock { $0.isUrgent } }

    // MARK: - What happens

    /// The first one counts.
    func pull(_ trigger: Trigger) {
        state.withLock { $0.trigger = $0.trigger ?? trigger }
        wake.raise()
    }

    /// Everything ends, and at once.
    func hurry() {
        state.withLock { state in
            state.trigger = state.trigger ?? .cancelled
            state.isUrgent = true
        }
        wake.raise()
    }

    /// - Returns: `false` when it must not start any more.
    func begin(_ index: Int) -> Bool {
        state.withLock { state in
            state.nodes[index].startedAt = SystemClock.monotonic()
            return !state.isStopping
        }
    }

    func started(_ index: Int, pid: pid_t) {
        state.withLock { state in
            state.nodes[index].pid = pid
            guard state.isStopping else { return }
            // Too late: it has done nothing yet that it could end in good order.
            state.nodes[index].wasStopped = true
            kill(-pid, SIGKILL)
        }
        wake.raise()
    }

    func exited(_ index: Int) {
        state.withLock { $0.nodes[index].exitedAt = SystemClock.monotonic() }
        wake.raise()
    }

    /// It has said something: it does not hang.
    func spoke(_ index: Int) { state.withLock { $0.nodes[index].messages += 1 } }

    func wasStopped(_ index: Int) -> Bool { state.withLock { $0.nodes[index].wasStopped } }

    /// The node has ended; only the first call counts.
    func ended(_ index: Int, _ failure: NodeFailure?, exitStatus: Int32? = nil, standardError: String = "") {
        state.withLock { state in
            guard state.nodes[index].endedAt == nil else { return }
            state.nodes[index].endedAt = SystemClock.monotonic()
            state.nodes[index].exitStatus = exitStatus
            state.nodes[index].standardError = standardError
            // A verdict of the supervisor stands.
            if state.nodes[index].failure == nil { state.nodes[index].failure = failure }
            if failure != nil { state.trigger = state.trigger ?? .failure }
        }
        wake.raise()
    }

    /// The supervisor has found a node guilty.
    func condemn(_ index: Int, _ error: BackupError) {
        state.withLock { state in
            state.nodes[index].failure = NodeFailure(kind: .own, error: error)
            state.trigger = state.trigger ?? .hanging
        }
    }

    // MARK: - Stopping

    /// Tells every thread and every process to end.
    func stopAll() {
        stop.raise()
        state.withLock { state in
            state.isStopping = true
            for index in state.nodes.indices where state.nodes[index].endedAt == nil {
                guard let pid = state.nodes[index].pid else { continue }
                if state.nodes[index].exitedAt == nil { state.nodes[index].wasStopped = true }
                kill(-pid, SIGTERM)
            }
        }
    }

    /// Kills every process group, those of ended processes included: what these have started must not live on.
    func killAll() {
        state.withLock { state in
            for node in state.nodes { if let pid = node.pid { kill(-pid, SIGKILL) } }
        }
    }

    /// The node that is to blame: the most upstream one with a failure of its own. One that could not write is a victim
    /// if something behind it failed, and one that was stopped always is.
    static func culprit(of nodes: [Node]) -> BackupError? {
        var culprit: BackupError?
        for node in nodes.reversed() {
            guard let failure = node.failure else { continue }
            if failure.kind == .own || (failure.kind == .readerGone && culprit == nil) { culprit = failure.error }
        }
        return culprit ?? nodes.lazy.compactMap(\.failure?.error).first
    }
}
