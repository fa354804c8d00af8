import Glibc

/// What the kernel says of this process. For exit tests: in the process of all tests others take memory and files too.
enum ProcessFacts {
    /// Bytes of memory in use, and the most since ``resetPeak()``.
    static var memory: (now: Int, peak: Int) {
        var now = 0
        var peak = 0
        for line in text("/proc/self/status").split(separator: "\n") {
            let number = line.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0
            if line.hasPrefix("VmRSS:") { now = number << 10 }
            if line.hasPrefix("VmHWM:") { peak = number << 10 }
        }
        return (now, peak)
    }

    static func resetPeak() {
        let file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = "5".withCString { write(file, $0, 1) }
        close(file)
    }

    /// How many bytes of memory `body` took beyond what was in use before.
    static func growth(_ body: () async throws -> Void) async rethrows -> Int {
        resetPeak()
        let before = memory.now
        try await body()
        return memory.peak - before
    }

    static var openFiles: Int {
        guard let directory = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return count
    }

    /// Allows as many open files as the system lets this process have.
    static func raiseFileLimit() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 65536)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func text(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 16384)
        let count = read(file, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}

/// Waits until `condition` holds, a minute at most.
func eventually(_ condition: () throws -> Bool) async throws -> Bool {
    for _ in 0..<6000 {
        if try condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return false
}
