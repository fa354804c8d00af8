package import BackupModel
import Glibc

/// Tells the time; tests have their own.
package protocol WallClock: Sendable {
    func now() -> Timestamp
}

/// The time of the machine.
package struct SystemClock: WallClock {
    package init() {}

    package func now() -> Timestamp { Timestamp(Int64(time(nil))) }

    /// The offset of local time from UTC at `moment`, in seconds, east positive.
    package static func localOffset(at moment: Timestamp) -> Int64 {
        var seconds = time_t(moment.seconds)
        var fields = tm()
        localtime_r(&seconds, &fields)
        return Int64(fields.tm_gmtoff)
    }

    /// Seconds of a clock that nobody sets, for measuring how long something takes.
    package static func monotonic() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// What the machine is busy with.
package enum MachineState {
    /// Seconds since it was started.
    package static func uptime() -> TimeSpan {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return TimeSpan(seconds: Int64(time.tv_sec))
    }

    /// Another one after each start of the machine; empty where the kernel does not tell.
    package static let startID: String = {
        var bytes = [UInt8](repeating: 0, count: 64)
        let raw = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return "" }
        defer { close(raw) }
        let count = max(0, read(raw, &bytes, bytes.count))
        return String(decoding: bytes[..<count].prefix { $0 > 0x20 }, as: UTF8.self)
    }()

    /// The average number of runnable processes over the last minute; `nil` where the kernel does not tell.
    package static func loadAverage() -> Double? {
        var load = [0.0]
        return getloadavg(&load, 1) == 1 ? load[0] : nil
    }

    /// How many files this process may have open at once.
    package static func openFileLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }
}
