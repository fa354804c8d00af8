import BackupModel
import BackupSystem
import Glibc
import Testing

@testable import BackupPipeline

extension PipelineTests {
    @Suite struct Hangs {
        private let second = TimeSpan(seconds: 1)

        @Test(arguments: 0..<3) func namesTheStageThatHangs(position: Int) async throws {
            var stages: [Stage] = [.run("yes"), .run("cat"), .copying, .run("cat")]
            stages[position == 2 ? 3 : position] = .sh("exec sleep 1000", name: "sleeper")
            let error = try await run(.nothing, stages, stall: second).failure()
            #expect(error.code == .timedOut)
            #expect(error.message.hasPrefix("sleeper"))
        }

        @Test func namesTheStageThatHangsAfterTheEndOfItsInput() async throws {
            let stages: [Stage] = [.sh("echo x"), .sh("cat; exec sleep 1000", name: "sleeper"), .run("cat")]
            #expect(try await run(.nothing, stages, stall: second).failure().message.hasPrefix("sleeper"))
        }

        /// Two processes that talk directly, with nothing of ours at either end.
        @Test func bytesThatMoveAreSeen() async throws {
            let slowly = "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.3; done"
            _ = try await run(.nothing, [.sh(slowly), .run("cat")], stall: TimeSpan(seconds: 2)).value()
        }

        /// What the kernel counts for a shell grows with every child that it has buried.
        @Test(arguments: ["while :; do sleep 0.3; done", "while :; do x=$(echo waiting); sleep 0.3; done"])
        func aShellThatOnlyWaitsHangs(script: String) async throws {
            let shell = Stage.sh(script, name: "poller", timeout: TimeSpan(seconds: 30))
            let error = try await run(.nothing, [shell, .run("cat")], stall: second).failure()
            #expect(error.code == .timedOut)
            #expect(error.message.hasPrefix("poller (stage 1 of 2) hangs"))
        }

        /// As tar does in a large tree of which it stores nothing; also where a shell has started it.
        @Test(arguments: ["work", "(work); true"]) func whatWorksInSilenceDoesNotHang(call: String) async throws {
            let script = "work() { SECONDS=0; while [ $SECONDS -lt 4 ]; do :; done; }; " + call
            _ = try await run(.nothing, [.run("bash", "-c", script), .run("cat")], stall: second).value()
        }

        @Test func aSlowChildInTheMiddleIsSeen() async throws {
            let slowly = "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.3; done"
            let stages: [Stage] = [.sh(slowly), .sh("cat; true"), .run("cat")]
            _ = try await run(.nothing, stages, stall: TimeSpan(seconds: 2)).value()
        }

        @Test func aProcessHasItsTime() async throws {
            let stages: [Stage] = [.sh("exec sleep 1000", name: "sleeper", timeout: second), .run("cat")]
            let error = try await run(.nothing, stages).failure()
            #expect(error.code == .timedOut)
            #expect(error.message == "sleeper (stage 1 of 2) has not ended within 1s")
        }

        @Test func anOutputHeldOpenIsNoticed() async throws {
            let stages: [Stage] = [.sh("sleep 1000 & exit 0", name: "parent"), .run("cat")]
            let outcome = await run(.nothing, stages, .prefix(limit: 10))
            #expect(try outcome.failure().message.hasPrefix("parent (stage 1 of 2) has ended, but something"))
        }

        /// An agent that stays behind keeps standard error, which is nobody's business.
        @Test func anErrorOutputHeldOpenIsNot() async throws {
            let scratch = try Scratch()
            let pidFile = scratch.path + "/pid"
            let script = "setsid sleep 1000 >/dev/null </dev/null & echo $! > '\(pidFile)'; echo said >&2"
            let outcome = await run(.nothing, [.sh(script), .run("cat")])
            _ = try outcome.value()
            #expect(outcome.reports.first?.standardError == "said\n")
            let pid = try #require(Int32(String(decoding: scratch.read("pid"), as: UTF8.self).dropLast()))
            kill(pid, SIGKILL)
        }

        /// SIGTERM is ignored, and the grandchild has to go, too.
        @Test func theStubbornAreKilled() async throws {
            let scratch = try Scratch()
            let script = "trap '' TERM; sleep 1000 & echo $! > '\(scratch.path)/pid'; while :; do sleep 1; done"
            let outcome = await run(.nothing, [.sh(script, timeout: second), .copying, .run("cat")])
            #expect(try outcome.failure().code == .timedOut)
            let pid = try #require(Int32(String(decoding: scratch.read("pid"), as: UTF8.self).dropLast()))
            // It is nobody's child any more; init needs a moment to bury it.
            var isAlive = true
            for _ in 0..<500 where isAlive {
                isAlive = kill(pid, 0) == 0 && !capture("ps -o stat= -p \(pid)").hasPrefix("Z")
                if isAlive { usleep(10_000) }
            }
            #expect(!isAlive)
        }

        @Test func cancellationEndsEverything() async throws {
            let scratch = try Scratch()
            let full = try Pipe(name: "a pipe that nobody reads")
            let cases: [([Stage], PipelineOutput)] = [
                ([.run("sleep", "1000")], .nothing), ([.run("yes"), .copying, .run("cat")], .nothing),
                ([.run("yes"), .copying], .descriptor(full.writeEnd)), ([.run("yes")], .descriptor(full.writeEnd)),
                ([.run("sleep", "1000"), .copying], .file(try scratch.create("out"))),
                ([.sh("trap '' TERM; while :; do sleep 1; done"), .run("cat")], .prefix(limit: 100)),
            ]
            for (stages, output) in cases {
                for delay in [0, 300_000_000] as [UInt64] {
                    let task = Task { await run(.nothing, stages, output) }
                    if delay > 0 { try await Task.sleep(nanoseconds: delay) }
                    task.cancel()
                    #expect(try await task.value.failure().code == .interrupted)
                }
            }
        }

        /// A process that ignores SIGTERM has more time than any test, unless nobody waits any longer.
        @Test(.timeLimit(.minutes(1)), arguments: [false, true]) func hasteGivesNoTime(isCancelled: Bool) async throws {
            let scratch = try Scratch()
            let script = "trap '' TERM; echo >'\(scratch.path)/begun'; while :; do sleep 1; done"
            let timings = PipelineTimings(settle: 0.05, terminationGrace: 1e6)
            let haste = Haste()
            let task = Haste.$current.withValue(haste) {
                Task { await run(.nothing, [.sh(script), .copying, .run("cat")], timings: timings) }
            }
            while access(scratch.path + "/begun", F_OK) != 0 { try await Task.sleep(for: .milliseconds(10)) }
            if isCancelled { task.cancel() }
            haste.demand()
            #expect(try await task.value.failure().code == .interrupted)
            // What begins after that does not get far.
            let late = await Haste.$current.withValue(haste) { await run(.nothing, [.sh(script)], timings: timings) }
            #expect(try late.failure().code == .interrupted)
        }

        @Test func whatIsFinishedStaysFinished() async throws {
            let task = Task { await run(.nothing, [.run("true")]) }
            let outcome = await task.value
            task.cancel()
            _ = try outcome.value()
        }
    }
}
