import BackupSystem
import Glibc

/// What a process has done so far, as `/proc` tells it. Children that it has buried do not count.
struct ProcessActivity {
    /// The process group.
    let group: pid_t
    /// In ticks since boot: with the number it tells two processes apart.
    let startTime: Int64
    /// Processor time of all threads, ended ones too.
    let processorSeconds: Double
    /// Bytes that its living threads have read and written, by any means that the kernel counts; 0 where it does not
    /// tell, as for a process of another user.
    let bytes: Int64

    /// Seconds in the unit of processor times.
    static let secondsPerTick = 1 / Double(max(1, sysconf(CInt(_SC_CLK_TCK))))

    /// The living processes of some groups.
    static func ofGroups(_ groups: Set<pid_t>) -> [pid_t: ProcessActivity] {
        var found: [pid_t: ProcessActivity] = [:]
        for pid in numbers(in: "/proc") {
            if let activity = ProcessActivity(pid, ofGroups: groups) { found[pid] = activity }
        }
        return found
    }

    /// `nil` when the process is gone or belongs to none of the groups.
    private init?(_ pid: pid_t, ofGroups groups: Set<pid_t>) {
        // The name of the program, in parentheses, may hold anything; the third field comes after it.
        guard let text = Self.text("/proc/\(pid)/stat"), let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let group = pid_t(fields[2]), groups.contains(group), fields[0] != "Z",
            let userTicks = Int64(fields[11]), let systemTicks = Int64(fields[12]), let startTime = Int64(fields[19])
        else { return nil }
        self.group = group
        self.startTime = startTime
        processorSeconds = Double(userTicks &+ systemTicks) * Self.secondsPerTick
        // Those of the process as a whole hold what buried children have read.
        bytes = Self.numbers(in: "/proc/\(pid)/task").reduce(0) { $0 &+ Self.transferred("/proc/\(pid)/task/\($1)/io") }
    }

    /// Through files, pipes and sockets, and from disks: that includes directories.
    private static func transferred(_ path: String) -> Int64 {
        let counted: Set<Substring> = ["rchar", "wchar", "read_bytes"]
        return (text(path) ?? "").split(separator: "\n").reduce(0) { sum, line in
            let parts = line.split(separator: ":")
            guard parts.count == 2, counted.contains(parts[0]) else { return sum }
            return sum &+ (Int64(parts[1].drop { $0 == " " }) ?? 0)
        }
    }

    private static func text(_ path: String) -> String? {
        let raw = open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return nil }
        let file = OwnedDescriptor(raw, name: path)
        defer { file.close() }
        return (try? file.readAll(limit: 4096)).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func numbers(in path: String) -> [pid_t] {
        var numbers: [pid_t] = []
        // What cannot be listed is gone.
        try? Directory(path: path).forEachEntry { entry in
            if let number = pid_t(entry.name) { numbers.append(number) }
        }
        return numbers
    }
}
