import BackupModel
import BackupSystem
import BackupTestKit
import Glibc
import Testing

@testable import BackupPipeline

extension PipelineTests {
    /// In processes of their own, since other tests open descriptors meanwhile.
    @Suite struct Leaks {
        @Test func nothingIsLeftOf200RandomPipelines() async throws {
            await #expect(processExitsWith: .success) {
                let seed = UInt64.random(in: 1...1_000_000)
                var generator = SeededGenerator(seed: seed)
                // What is made once for all: the threads of the runtime and of swift-subprocess.
                for _ in 0..<5 { _ = await Self.runOne(&generator) }
                let before = Self.census()
                for round in 0..<200 {
                    let text = await Self.runOne(&generator)
                    var after = Self.census()
                    // Threads are gone a moment after they have said so.
                    for _ in 0..<1000 where after.children + after.threads > before.children + before.threads {
                        usleep(10_000)
                        after = Self.census()
                    }
                    guard after.descriptors == before.descriptors, after.children == 0, after.threads <= before.threads
                    else {
                        let message = "seed \(seed), round \(round): \(text): \(before) became \(after)\n"
                        write(2, message, message.utf8.count)
                        exit(1)
                    }
                }
            }
        }

        /// A caller that ignores or blocks SIGPIPE must not pass that on: `yes` would complain, and not die.
        @Test func childrenHaveTheirSignals() async throws {
            await #expect(processExitsWith: .success) {
                signal(SIGPIPE, SIG_IGN)
                blockBrokenPipeSignal()
                let outcome = await run(.nothing, [.run("yes"), .run("head", "-c", "100")])
                guard outcome.reports[0].failure?.message.contains("SIGPIPE") == true else { exit(1) }
                let mask = await run(
                    .nothing, [.run("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status")], .prefix(limit: 999))
                let text = String(decoding: try mask.value().prefix, as: UTF8.self)
                // Signals 1 to 28; glibc has two of its own ignored beyond them.
                let lines = text.split(separator: "\n")
                guard lines.count == 2, lines.allSatisfy({ $0.hasSuffix("0000000") }) else { exit(2) }
            }
        }

        /// Stages end of themselves when there is nobody left to end them.
        @Test func stagesDoNotSurviveUs() async throws {
            let scratch = try Scratch()
            let path = scratch.path
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
                let null = try openAny("/dev/null", O_WRONLY)
                let script = "echo $$ > \(path)/$1; exec $2"
                let stages = [("a", "yes"), ("b", "cat"), ("c", "cat")].map { name, command in
                    Stage.run("sh", "-c", script, "sh", name, command)
                }
                _ = Task { await run(.nothing, [stages[0], stages[1], .copying, stages[2]], .file(null)) }
                for name in ["a", "b", "c"] { while access("\(path)/\(name)", F_OK) == -1 { usleep(10_000) } }
                usleep(100_000)
                kill(getpid(), SIGKILL)
            }
            for name in ["a", "b", "c"] {
                let pid = try #require(Int32(String(decoding: scratch.read(name), as: UTF8.self).dropLast()))
                var isAlive = true
                for _ in 0..<1000 where isAlive {
                    isAlive = kill(pid, 0) == 0 && !capture("ps -o stat= -p \(pid)").hasPrefix("Z")
                    if isAlive { usleep(10_000) }
                }
                #expect(!isAlive)
            }
        }

        struct Census {
            var descriptors: Int
            var children: Int
            var threads: Int
        }

        static func census() -> Census {
            let tasks = capture("ls /proc/\(getpid())/task").split(separator: "\n")
            // popen's own child is among the children while it runs, so they are read without it.
            var children = 0
            for task in tasks {
                guard let file = try? openAny("/proc/self/task/\(task)/children", O_RDONLY) else { continue }
                let bytes = (try? file.readAll(limit: 1 << 20)) ?? []
                children += String(decoding: bytes, as: UTF8.self).split(separator: " ").count
            }
            var descriptors = 0
            for number in 0..<2000 where fcntl(CInt(number), F_GETFD) != -1 { descriptors += 1 }
            return Census(
                descriptors: descriptors, children: children,
                threads: tasks.filter { Self.isOurs(String($0)) }.count)
        }

        /// Threads of the runtime's pools come and go as they like.
        private static func isOurs(_ task: String) -> Bool {
            let name = capture("cat /proc/\(getpid())/task/\(task)/comm 2>/dev/null").dropLast()
            return ["pipeline", "sha512", "reading the inpu", "writing the out", "sh", "cat", "copy"].contains {
                name.hasPrefix($0.prefix(15))
            }
        }

        static func runOne(_ generator: inout SeededGenerator) async -> String {
            let stages: [Stage] = [
                .run("cat"), .copying, .run("true"), .run("false"), .sh("exit 3"), .sh("kill -9 $$"),
                .run("head", "-c", "1000"), .run("yes"), .run("cat", "/dev/zero"), .failing(.start), .failing(.middle),
                .failing(.finish), .sh("cat > /dev/null; exit 4"), .sh("exec 0<&-; echo x"), .run("cat"), .copying,
                .sh("sleep 9 & exit 0"), .sh("exec sleep 1000"), .run("/dev/null"), .run("gzip"),
                .sh("trap '' PIPE; exec yes"), .sh("head -c 200000 /dev/zero >&2"),
            ]
            let picked = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                stages[Int.random(in: stages.indices, using: &generator)]
            }
            var input = PipelineInput.nothing
            if Bool.random(using: &generator), let file = try? openAny("/usr/bin/perl", O_RDONLY) {
                input = .file(file, expected: Int.random(in: 0..<4, using: &generator) == 0 ? [1] : nil)
            }
            let outputs = ["/dev/null", "/dev/full"].compactMap { try? openAny($0, O_WRONLY) }
            let output: PipelineOutput =
                switch Int.random(in: 0..<6, using: &generator) {
                case 0: .nothing
                case 1: .prefix(limit: 500)
                case 2: outputs.last.map { .file($0) } ?? .nothing
                case 3: outputs.last.map { .descriptor($0) } ?? .nothing
                case 4: outputs.first.map { .file($0) } ?? .nothing
                default: outputs.first.map { .descriptor($0) } ?? .nothing
                }
            let isCancelled = Int.random(in: 0..<4, using: &generator) == 0
            let delay = UInt64.random(in: 0..<50_000_000, using: &generator)
            let timings = PipelineTimings(settle: 0.05, terminationGrace: 0.2, heldOutputGrace: 0.2, inputEndGrace: 0.2)
            let task = Task { [input] in
                await run(input, picked, output, stall: TimeSpan(seconds: 1), timings: timings)
            }
            // Some of them never end of themselves.
            let limit = Task {
                try? await Task.sleep(nanoseconds: isCancelled ? delay : 2_000_000_000)
                task.cancel()
            }
            let outcome = await task.value
            limit.cancel()
            await limit.value
            if case .file(let file, _) = input { file.close() }
            for output in outputs { output.close() }
            return "\(picked.map(\.name)) \(input) \(output) -> \(outcome.error?.description ?? "well")"
        }
    }
}
