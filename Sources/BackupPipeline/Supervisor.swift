import BackupModel
import BackupSystem
import Glibc

/// Watches a running pipeline from a thread of its own: notices what hangs, and ends everything when something is
/// wrong.
struct Supervisor: Sendable {
    let state: RunState
    /// `boundaries[i]` is the input of node `i`, `boundaries[i + 1]` its output.
    let boundaries: [Boundary]
    let stallTimeout: TimeSpan?
    let timings: PipelineTimings

    private enum Phase {
        case running
        case settling(until: Double)
        case terminating(until: Double)
        case killing
    }

    /// Returns when all nodes have ended.
    func run() {
        var phase = Phase.running
        var stall = StallWatch(limit: stallTimeout)
        while true {
            state.wake.clear()
            let nodes = state.nodes
            if nodes.allSatisfy({ $0.endedAt != nil }) { break }
            let now = SystemClock.monotonic()
            var pause = 1.0
            switch phase {
            case .running:
                pause = watch(nodes, now, &stall)
                if let trigger = state.trigger {
                    phase = .settling(until: trigger == .failure ? now + timings.settle : now)
                    continue
                }
            case .settling(let until):
                let trigger = state.trigger
                if now < until, trigger == .failure, !state.isUrgent {
                    pause = until - now
                } else {
                    // Before they can answer SIGTERM.
                    if state.isUrgent { state.killAll() }
                    state.stopAll()
                    phase = .terminating(until: now + timings.terminationGrace)
                    continue
                }
            case .terminating(let until):
                if now >= until || state.isUrgent {
                    state.killAll()
                    phase = .killing
                } else {
                    pause = until - now
                }
            case .killing:
                // Whatever was started in the meantime.
                state.killAll()
                pause = 0.2
            }
            var poller = pollfd(fd: state.wake.raw, events: Int16(POLLIN), revents: 0)
            _ = poll(&poller, 1, CInt(max(1, min(pause, 60) * 1000)))
        }
        if state.trigger != nil { state.killAll() }
    }

    /// Looks for what hangs. Returns the seconds until the next look.
    private func watch(_ nodes: [RunState.Node], _ now: Double, _ stall: inout StallWatch) -> Double {
        var pause = 60.0
        for (index, node) in nodes.enumerated() {
            if let timeout = node.timeout, let startedAt = node.startedAt, node.exitedAt == nil, node.endedAt == nil {
                if now >= startedAt + timeout {
                    state.condemn(index, .tooSlow(node.label, limit: TimeSpan(seconds: Int64(timeout))))
                }
                pause = min(pause, startedAt + timeout - now)
            }
            // As long as the next stage reads, it must meet the end of its input soon after this process has ended.
            if let exitedAt = node.exitedAt, let fill = boundaries[index + 1].fill, fill.hasWriter {
                if now >= exitedAt + timings.heldOutputGrace {
                    state.condemn(index, .outputHeldOpen(node.label, seconds: timings.heldOutputGrace))
                }
                pause = min(pause, max(0.02, exitedAt + timings.heldOutputGrace - now))
            }
        }
        if let limit = stallTimeout, limit > .zero, state.trigger == nil {
            if stall.hasStalled(nodes, boundaries, now) {
                let index = hangingNode(nodes)
                state.condemn(index, .stalled(nodes[index].label, limit: limit))
            }
            pause = min(pause, stall.interval)
        }
        return max(0.001, pause)
    }

    /// The most downstream node which could work (its input holds bytes or has ended, or it makes them itself) and
    /// whose output nobody keeps from being taken.
    private func hangingNode(_ nodes: [RunState.Node]) -> Int {
        let running = nodes.indices.filter { nodes[$0].endedAt == nil }
        let able = running.last { index in
            let hasInput = boundaries[index].fill.map { $0.waiting > 0 || !$0.hasWriter } ?? true
            let hasRoom = boundaries[index + 1].fill.map { $0.waiting == 0 } ?? true
            return hasInput && hasRoom
        }
        return able ?? running.first ?? 0
    }
}
