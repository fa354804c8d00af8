import BackupModel
import BackupSystem
import Glibc

/// Finds out whether a pipeline moves: by what our threads have counted and what lies in the pipes, and where that
/// stands still, by what the processes do.
///
/// The processes of a stage are those of its process group. What one of them reads and writes, and the processor time it
/// takes, count; what the kernel adds to a process for children that it has buried does not, since a shell that starts
/// `sleep` again and again would never stand still.
struct StallWatch {
    private let limit: Double
    private var lastSeen: [Int64] = []
    private var lastActivity: [pid_t: (activity: ProcessActivity, looks: Int)] = [:]
    private var lastMoveAt = 0.0
    private var lastLookAt = 0.0
    private var nextLookAt = 0.0

    init(limit: TimeSpan?) { self.limit = Double(limit?.seconds ?? 0) }

    /// Seconds between two looks.
    var interval: Double { min(5, max(0.05, limit / 8)) }

    /// Looks, if it is time to. Whether nothing has moved for the whole limit.
    mutating func hasStalled(_ nodes: [RunState.Node], _ boundaries: [Boundary], _ now: Double) -> Bool {
        guard now >= nextLookAt else { return false }
        nextLookAt = now + interval
        var seen: [Int64] = []
        for boundary in boundaries {
            seen.append(boundary.count ?? 0)
            seen.append(Int64(boundary.fill?.waiting ?? -1))
        }
        for node in nodes {
            seen.append(node.endedAt == nil ? 0 : 1)
            seen.append(node.exitedAt == nil ? 0 : 1)
            seen.append(node.messages)
        }
        if seen != lastSeen {
            lastSeen = seen
            lastActivity = [:]
            lastMoveAt = now
        } else if areWorking(nodes, boundaries, now) {
            lastMoveAt = now
        }
        lastLookAt = now
        return now - lastMoveAt >= limit
    }

    // MARK: - Processes

    /// Reading and writing below this many bytes between two looks is no work, but what a shell does that waits.
    private static let leastBytes: Int64 = 4096
    /// Processor time below this share of the time between two looks is no work.
    private static let leastShare = 0.01

    /// Whether any process has done something since the last look.
    ///
    /// Only a process that was there at two looks before is judged: what a program does when it starts is no progress.
    private mutating func areWorking(_ nodes: [RunState.Node], _ boundaries: [Boundary], _ now: Double) -> Bool {
        var leastBytes: [pid_t: Int64] = [:]
        for (index, node) in nodes.enumerated() where node.exitedAt == nil && node.endedAt == nil {
            if let pid = node.pid {
                leastBytes[pid] = Self.isAlone(boundaries[index], boundaries[index + 1]) ? 1 : Self.leastBytes
            }
        }
        let activities = leastBytes.isEmpty ? [:] : ProcessActivity.ofGroups(Set(leastBytes.keys))
        var isWorking = false
        var seen: [pid_t: (ProcessActivity, Int)] = [:]
        for (pid, activity) in activities {
            guard let last = lastActivity[pid], last.activity.startTime == activity.startTime else {
                seen[pid] = (activity, 0)
                continue
            }
            seen[pid] = (activity, last.looks + 1)
            guard last.looks > 0 else { continue }
            let enough = leastBytes[activity.group] ?? Self.leastBytes
            // A thread that has ended takes its count along: less is no sign of anything.
            if activity.bytes - last.activity.bytes >= enough { isWorking = true }
            let least = max(2 * ProcessActivity.secondsPerTick, Self.leastShare * (now - lastLookAt))
            if activity.processorSeconds - last.activity.processorSeconds >= least { isWorking = true }
        }
        lastActivity = seen
        return isWorking
    }

    /// Whether bytes, however few, pass a process without being seen by us or by the process behind it: then a single
    /// one counts.
    private static func isAlone(_ input: Boundary, _ output: Boundary) -> Bool {
        if input.isPipe { return input.count == nil }
        return !output.isPipe && !output.isOurs && output.count == nil
    }
}
