import BackupModel
import BackupSystem
import Glibc
import Testing

@testable import BackupPipeline

extension PipelineTests {
    @Suite struct Failures {
        /// Every position gives the failure of the stage that has it, and nobody else's.
        @Test(arguments: 0..<3) func namesTheStage(position: Int) async throws {
            var stages: [Stage] = [.sh("cat /dev/zero | head -c 500000", name: "first"), .run("cat"), .run("cat")]
            stages[position] = .sh(
                position == 0 ? "echo oh dear >&2; exit 7" : "cat > /dev/null; echo oh dear >&2; exit 7", name: "bad")
            for _ in 0..<3 {
                let scratch = try Scratch()
                let outcome = await run(.nothing, stages, .file(try scratch.create("out")))
                let error = try outcome.failure()
                #expect(error.code == .processFailed)
                #expect(error.message == "bad (stage \(position + 1) of 3) ended with status 7: oh dear")
                #expect(outcome.reports[position].exitStatus == 7)
                #expect(outcome.reports[position].standardError == "oh dear\n")
                #expect(outcome.reports[position].failure != nil)
            }
        }

        /// A decoder complains that its input is cut off: a consequence.
        @Test func theFirstCauseCounts() async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: 1_000_000)
            let script = "gzip -c '\(scratch.path)/in' | head -c 5000; exit 9"
            for _ in 0..<5 {
                let outcome = await run(
                    .nothing, [.sh(script, name: "source"), .run("gzip", "-d")], .file(try scratch.create("out")))
                #expect(try outcome.failure().message == "source (stage 1 of 2) ended with status 9")
                #expect(outcome.reports[1].failure != nil)
                #expect(outcome.reports[1].standardError.contains("unexpected end of file"))
            }
        }

        /// A connection can break, too: who complains of that is no victim of a reader which has met the end.
        @Test func aBrokenPipeElsewhereIsTheCause() async throws {
            for _ in 0..<10 {
                let script = "printf x; echo 'send disconnect: Broken pipe' >&2; exit 255"
                let outcome = await run(.nothing, [.sh(script, name: "remote"), .sh("cat; exit 1", name: "reader")])
                #expect(try outcome.failure().message.hasPrefix("remote (stage 1 of 2) ended with status 255"))
            }
        }

        /// What dies since nobody reads its output is a victim, whether by the signal or with a complaint.
        @Test(arguments: ["yes", "sh -c 'trap \"\" PIPE; yes'", "tar -c /usr/lib", "dd if=/dev/zero bs=64k"])
        func theReaderThatLeftIsToBlame(source: String) async throws {
            for _ in 0..<3 {
                let outcome = await run(
                    .nothing, [.sh("exec " + source, name: "source"), .sh("exit 5", name: "bad"), .run("cat")],
                    .prefix(limit: 1 << 20))
                #expect(try outcome.failure().message == "bad (stage 2 of 3) ended with status 5")
            }
        }

        @Test func processesDieOfTheSignal() async throws {
            let outcome = await run(
                .nothing, [.run("yes"), .run("head", "-c", "100"), .run("cat")], .prefix(limit: 1000))
            let error = try outcome.failure()
            #expect(error.message.hasPrefix("head (stage 2 of 3) ended without an error but left"))
            let yes = try #require(outcome.reports[0].failure)
            #expect(yes.message.contains("SIGPIPE"))
            #expect(outcome.reports[0].standardError == "")
        }

        @Test(arguments: [
            "head -c 100", "exec 0<&-; cat /dev/null", "exit 0", "head -c 100; exec 0<&-; sleep 0.1; cat /dev/null",
        ])
        func namesTheEarlyLeaver(script: String) async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: 5_000_000)
            let shapes: [(isRead: Bool, stages: [Stage])] = [
                (true, [.run("cat"), .sh(script, name: "leaver"), .run("cat")]),
                (true, [.copying, .sh(script, name: "leaver"), .copying]),
                (false, [.sh("cat '\(scratch.path)/in'"), .sh(script, name: "leaver"), .sh("cat; exit 3")]),
            ]
            for shape in shapes {
                let input = shape.isRead ? PipelineInput.file(try scratch.open("in"), expected: nil) : .nothing
                let error = try await run(input, shape.stages, .file(try scratch.create("out"))).failure()
                #expect(error.code == .processFailed)
                #expect(error.message.hasPrefix("leaver (stage 2 of 3) ended without an error but left"))
            }
        }

        /// The first stage has no use for the file that it is given.
        @Test func namesTheStageThatReadsNothingOfAFile() async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: 1)
            let outcome = await run(.file(try scratch.open("in"), expected: nil), [.run("true"), .run("cat")])
            #expect(
                try outcome.failure().message.hasPrefix("true (stage 1 of 2) ended without an error but left 1 bytes"))
        }

        /// The input comes late, or never; a stage that does not wait for it is found out all the same.
        @Test func namesTheEarlyLeaverOfALateInput() async throws {
            let late = await run(.nothing, [.sh("sleep 0.3; echo late"), .sh("exit 0", name: "leaver")])
            #expect(
                try late.failure().message.contains("leaver (stage 2 of 2) ended without an error but left 5 bytes"))
            let never = await run(.nothing, [.sh("sleep 600"), .sh("exit 0", name: "leaver")])
            #expect(
                try never.failure().message.contains("leaver (stage 2 of 2) ended without an error but left before"))
        }

        @Test(arguments: [9, 11, 15, 13]) func namesTheSignal(signal: Int) async throws {
            let outcome = await run(.nothing, [.sh("kill -\(signal) $$", name: "bad"), .run("cat")])
            let error = try outcome.failure()
            #expect(error.message.contains("bad (stage 1 of 2) was ended by signal \(signal) (SIG"))
            #expect(outcome.reports[0].exitStatus == nil)
        }

        @Test(arguments: FailingTransform.Place.allCases)
        func namesTheTransform(place: FailingTransform.Place) async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: 5_000_000)
            let shapes: [[Stage]] = [
                [.failing(place)], [.run("cat"), .failing(place), .run("cat")], [.copying, .failing(place), .copying],
            ]
            for stages in shapes {
                let outcome = await run(
                    .file(try scratch.open("in"), expected: nil), stages, .file(try scratch.create("out")))
                let error = try outcome.failure()
                #expect(error.message.hasPrefix("faulty"))
                #expect(error.code == (place == .start ? .keyUnusable : .damaged))
            }
        }

        @Test func findsDamage() async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: 3_000_000)
            let wrong = [UInt8](repeating: 1, count: 64)
            for stages in [[], [Stage.run("cat")], [.copying], [.run("gzip", "-d")], [.failing(.middle)]] {
                let outcome = await run(.file(try scratch.open("in"), expected: wrong), stages)
                let error = try outcome.failure()
                #expect(error.code == .damaged)
                #expect(error.message.contains("SHA-512"))
            }
        }

        @Test func saysThatTheDiskIsFull() async throws {
            let full = try openAny("/dev/full", O_WRONLY)
            for stages in [[Stage.run("yes")], [.run("yes"), .copying], [.run("yes"), .run("cat"), .run("cat")]] {
                let outcome = await run(.nothing, stages, .file(full))
                let error = try outcome.failure()
                #expect(error.code == .noSpace)
                #expect(error.message.contains("/dev/full"))
            }
        }

        @Test func saysThatTheReaderOfTheOutputHasLeft() async throws {
            for stages in [[Stage.run("yes"), .copying], [.run("yes")]] {
                let pipe = try Pipe(name: "standard output")
                pipe.readEnd.close()
                let error = try await run(.nothing, stages, .descriptor(pipe.writeEnd)).failure()
                #expect(error.description.contains("read") && error.description.contains("has left"))
            }
        }

        @Test func saysWhatIsMissing() async throws {
            let scratch = try Scratch()
            try scratch.write("plain", size: 10)
            for (program, part) in [
                ("no-such-program", "PATH"), ("/no/such/program", "no program"), (scratch.path + "/plain", "execute"),
                (scratch.path, "not a plain file"), ("", "no program"),
            ] {
                let marker = scratch.path + "/marker"
                let outcome = await run(.nothing, [.sh("touch '\(marker)'"), .run(program)])
                let error = try outcome.failure()
                #expect(error.code == .programMissing)
                #expect(error.message.contains(part))
                #expect(!error.remedy.isEmpty)
                #expect(outcome.reports.count == 2)
                #expect(outcome.reports[1].failure != nil)
                #expect(access(marker, F_OK) == -1, "nothing may start")
            }
        }

        @Test func saysWhatCannotBeStarted() async throws {
            let scratch = try Scratch()
            let file = try scratch.create("script")
            try file.write([0x7f, 0x45, 0x4c, 0x46, 0, 0])
            fchmod(file.raw, 0o755)
            file.close()
            let bad = await run(.nothing, [.run("cat"), .run(scratch.path + "/script")])
            #expect(try bad.failure().message.contains("script (stage 2 of 2) could not be started"))
            let nowhere = ProcessStage(name: "cat", executable: "cat", arguments: [], workingDirectory: "/no/where")
            let lost = await run(.nothing, [.process(nowhere)])
            #expect(try lost.failure().message.contains("/no/where"))
        }

        @Test func keepsBothEndsOfALongComplaint() async throws {
            let script = "echo begin >&2; yes complaint | head -c 100000000 >&2; echo end >&2; exit 1"
            let outcome = await run(.nothing, [.sh(script)])
            let report = try #require(outcome.reports.first)
            #expect(report.standardError.utf8.count <= 65536)
            #expect(report.standardError.hasPrefix("begin\ncomplaint\n"))
            #expect(report.standardError.hasSuffix("complaint\nend\n"))
            #expect(report.standardError.contains("bytes left out"))
            #expect(try outcome.failure().message.hasSuffix("end"))
        }

        @Test func keepsAThousandLines() async throws {
            let outcome = await run(.nothing, [.sh("seq 1000 >&2")])
            _ = try outcome.value()
            #expect(outcome.reports.first?.standardError == (1...1000).map { "\($0)\n" }.joined())
        }

        @Test func repairsWhatIsNoText() async throws {
            let outcome = await run(.nothing, [.sh("head -c 300000 /dev/zero | tr '\\0' '\\377' >&2; exit 1")])
            let report = try #require(outcome.reports.first)
            #expect(report.standardError.utf8.count <= 65536)
            #expect(try outcome.failure().message.utf8.count < 1000)
        }
    }
}
