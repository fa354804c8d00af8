import BackupConfig
import BackupModel
import BackupSystem
import Glibc
import Synchronization

/// What a pattern has found in the name of a file.
struct LogMatch: Sendable, Hashable {
    let name: String
    /// What the groups have matched, in their order; empty for those that took no part.
    var groups: [String] = []
    /// `nil` for those that are not in the pattern, took no part or matched nothing.
    var serial: String?
    var oldSerial: String?
    var compress: String?
}

/// Matches a pattern with the names of a directory.
///
/// A pattern with a repetition in a repetition can take longer for a name of 30 characters than anybody lives, and whoever
/// can make a file chooses the name. Nothing stops a match that has begun; so they are made on a thread of their own, and
/// that thread is given up when it takes too long.
final class LogMatcher: Sendable {
    private final class Work: Sendable {
        struct State {
            var matches: [LogMatch] = []
            var failure: String?
            /// The name that is being matched.
            var current = ""
            var isAbandoned = false
        }

        let state = Mutex(State())

        func run(_ pattern: String, _ names: [String]) {
            do {
                // Made here: it cannot be handed to another thread.
                let regex = try Regex(pattern)
                for name in names {
                    let isAbandoned = state.withLock { state in
                        state.current = name
                        return state.isAbandoned
                    }
                    if isAbandoned { return }
                    guard let match = try regex.wholeMatch(in: name) else { continue }
                    let found = Self.match(name, match)
                    state.withLock { $0.matches.append(found) }
                }
            } catch {
                state.withLock { $0.failure = "\(error)" }
            }
        }

        private static func match(_ name: String, _ match: Regex<AnyRegexOutput>.Match) -> LogMatch {
            var result = LogMatch(name: name)
            for group in match.output.dropFirst() {
                let text = group.substring.map(String.init) ?? ""
                result.groups.append(text)
                guard !text.isEmpty else { continue }
                switch group.name {
                case LogPattern.serial: result.serial = text
                case LogPattern.oldSerial: result.oldSerial = text
                case LogPattern.compress: result.compress = text
                default: break
                }
            }
            return result
        }
    }

    /// How long all names of a directory may take, in milliseconds: a thousand times what they need.
    static let defaultPatience: Int32 = 10_000

    let input: LogfileInputSettings
    private let patience: Int32
    /// A thread that was given up and has not ended.
    private let stuck = Mutex<Pipe?>(nil)
    /// What the names of the last look have given; `nil` for those that do not match. Most of them are there the next time.
    private let known = Mutex<[String: LogMatch?]>([:])

    init(_ input: LogfileInputSettings, patience: Int32 = LogMatcher.defaultPatience) {
        self.input = input
        self.patience = patience
    }

    /// The names that match as a whole, in the order of `names`.
    ///
    /// - Throws: `timedOut` when the pattern takes too long, also when it did so before and has not ended.
    func matches(_ names: [String]) throws(BackupError) -> [LogMatch] {
        let before = known.withLock { $0 }
        let unknown = names.filter { before[$0] == nil }
        let found = Dictionary(
            try matchAnew(unknown).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var now: [String: LogMatch?] = [:]
        for name in names { now.updateValue(before[name] ?? found[name], forKey: name) }
        known.withLock { [now] in $0 = now }
        return names.compactMap { now[$0] ?? nil }
    }

    private func matchAnew(_ names: [String]) throws(BackupError) -> [LogMatch] {
        guard !names.isEmpty else { return [] }
        let isStuck = stuck.withLock { pipe in
            if pipe?.readEnd.isAtEnd == true { pipe = nil }
            return pipe != nil
        }
        if isStuck { throw .patternStuck(input, nil) }
        let work = Work()
        // The thread closes the writing end when it ends: that can be waited for.
        let pipe = try Pipe(name: "the end of matching names")
        let pattern = input.pattern
        try BlockingThread.detach("gb names") {
            work.run(pattern, names)
            pipe.writeEnd.close()
        }
        guard Self.waits(for: pipe.readEnd, patience) else {
            let name = work.state.withLock { state in
                state.isAbandoned = true
                return state.current
            }
            stuck.withLock { $0 = pipe }
            throw .patternStuck(input, name)
        }
        let state = work.state.withLock { $0 }
        if let failure = state.failure { throw .patternFailed(input, failure) }
        return state.matches
    }

    /// Whether the other end is closed within `milliseconds`.
    private static func waits(for end: OwnedDescriptor, _ milliseconds: Int32) -> Bool {
        let deadline = SystemClock.monotonic() + Double(milliseconds) / 1000
        while true {
            var poller = pollfd(fd: end.raw, events: Int16(POLLIN), revents: 0)
            let left = max(0, (deadline - SystemClock.monotonic()) * 1000)
            if poll(&poller, 1, CInt(left) + 1) > 0 { return true }
            if SystemClock.monotonic() >= deadline { return false }
        }
    }
}
