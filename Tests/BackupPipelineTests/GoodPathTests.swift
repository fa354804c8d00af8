import BackupModel
import BackupSystem
import Glibc
import Testing

@testable import BackupPipeline

extension PipelineTests {
    @Suite struct GoodPaths {
        static let sizes = [0, 1, 65535, 65536, 65537, 50_000_000]
        static let shapes: [[Stage]] = [
            [], [.run("cat")], [.copying], [.run("gzip", "-1"), .run("gzip", "-d")],
            [.run("cat"), .copying, .copying, .run("cat")], [.copying, .run("cat"), .copying],
            [.run("dd", "bs=64k", "status=none"), .run("cat"), .run("cat")],
        ]

        @Test(arguments: sizes, shapes.indices)
        func copies(size: Int, shape: Int) async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: size)
            let (input, output) = (try scratch.open("in"), try scratch.create("out"))
            let progress = PipelineProgress()
            let pipeline = Pipeline(
                input: .file(input, expected: nil), stages: Self.shapes[shape], output: .file(output),
                stallTimeout: TimeSpan(seconds: 120), progress: progress)
            let outcome = await pipeline.run()
            let result = try outcome.value()
            let sum = try scratch.sum("in")
            #expect(try scratch.sum("out") == sum)
            #expect(hex(result.inputSHA512) == sum)
            #expect(hex(result.outputSHA512) == sum)
            #expect(result.outputSize == Int64(size))
            #expect(progress.bytesIn == Int64(size))
            #expect(progress.bytesOut == Int64(size))
            #expect(outcome.reports.count == Self.shapes[shape].count)
            for report in outcome.reports { #expect(report.failure == nil) }
            #expect(input.isOpen && output.isOpen)
        }

        @Test func makesAnArchiveAndUnpacksIt() async throws {
            let scratch = try Scratch()
            _ = shell("mkdir '\(scratch.path)/a' '\(scratch.path)/b'")
            try scratch.write("a/one", size: 3_000_000)
            try scratch.write("a/two", size: 17, seed: 2)
            let packed = await run(
                .nothing, [.run("tar", "-C", scratch.path + "/a", "-c", "."), .run("gzip", "-1")],
                .file(try scratch.create("archive")))
            let digest = try #require(try packed.value().outputSHA512)
            let unpacked = await run(
                .file(try scratch.open("archive"), expected: digest),
                [.run("gzip", "-d"), .run("tar", "-C", scratch.path + "/b", "-x")])
            #expect(hex(try unpacked.value().inputSHA512) == (try scratch.sum("archive")))
            #expect(try scratch.sum("a/one") == scratch.sum("b/one"))
            #expect(try scratch.sum("a/two") == scratch.sum("b/two"))
        }

        @Test func writesToADescriptor() async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: 300_000)
            for (name, stages) in [("a", [Stage.run("cat")]), ("b", [.copying]), ("c", [])] {
                let outcome = await run(
                    .file(try scratch.open("in"), expected: nil), stages, .descriptor(try scratch.create(name)))
                #expect(try outcome.value().outputSHA512 == nil)
                #expect(try scratch.sum(name) == scratch.sum("in"))
            }
        }

        @Test func writesToAPipeOfTheCaller() async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: 3_000_000)
            for stages in [[Stage.run("cat")], [.copying], []] {
                let pipe = try Pipe(name: "a pipe")
                let reader = Task {
                    try await BlockingThread.run("reader") { () throws(BackupError) in
                        try pipe.readEnd.readAll(limit: 10 << 20)
                    }
                }
                let outcome = await run(
                    .file(try scratch.open("in"), expected: nil), stages, .descriptor(pipe.writeEnd))
                pipe.writeEnd.close()
                _ = try outcome.value()
                let bytes = try await reader.value
                #expect(try bytes == scratch.read("in"))
            }
        }

        @Test func startsAtTheCurrentOffset() async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: 100_000)
            let (input, output) = (try scratch.open("in"), try scratch.create("out"))
            lseek(input.raw, 60_000, SEEK_SET)
            try output.write(Array("head".utf8))
            let outcome = await run(.file(input, expected: nil), [.run("cat")], .file(output))
            #expect(try outcome.value().outputSize == 40_000)
            #expect(try scratch.read("out") == Array("head".utf8) + scratch.read("in")[60_000...])
        }

        @Test func checksAFileWithoutWritingIt() async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: 1_000_000)
            let outcome = await run(.file(try scratch.open("in"), expected: nil), [])
            #expect(hex(try outcome.value().inputSHA512) == (try scratch.sum("in")))
        }

        @Test(arguments: [0, 1, 300, 200_000, 5_000_000])
        func sniffs(limit: Int) async throws {
            let scratch = try Scratch()
            try scratch.write("in", size: 1_000_000)
            _ = shell("gzip -k '\(scratch.path)/in'")
            let outcome = await run(
                .file(try scratch.open("in.gz"), expected: nil), [.run("gzip", "-d")], .prefix(limit: limit))
            #expect(try outcome.value().prefix == Array(scratch.read("in").prefix(limit)))
        }

        @Test func sniffsAnEndlessStream() async throws {
            for stages in [[Stage.run("yes")], [.run("yes"), .copying, .run("cat")]] {
                let outcome = await run(.nothing, stages, .prefix(limit: 10))
                #expect(try outcome.value().prefix == Array("y\ny\ny\ny\ny\n".utf8))
            }
        }

        /// What happens after the wanted bytes is of no interest.
        @Test func sniffsAStreamThatFailsLater() async throws {
            for _ in 0..<10 {
                let outcome = await run(.nothing, [.sh("printf 1234567890; exit 3"), .run("cat")], .prefix(limit: 10))
                #expect(try outcome.value().prefix == Array("1234567890".utf8))
            }
        }

        @Test func setsTheEnvironment() async throws {
            let scratch = try Scratch()
            var stage = ProcessStage(
                name: "sh", executable: "sh", arguments: ["-c", "echo $LC_ALL $COLOUR $PWD"],
                environment: ["COLOUR": "red"])
            let first = await run(.nothing, [.process(stage)], .prefix(limit: 1000))
            #expect(try first.value().prefix == Array("C red /\n".utf8))
            stage.workingDirectory = scratch.path
            let second = await run(.nothing, [.process(stage)], .prefix(limit: 1000))
            #expect(try second.value().prefix == Array("C red \(scratch.path)\n".utf8))
            stage.environment["LC_ALL"] = "C.UTF-8"
            let third = await run(.nothing, [.process(stage)], .prefix(limit: 1000))
            #expect(try third.value().prefix == Array("C.UTF-8 red \(scratch.path)\n".utf8))
        }

        /// `tar` ends with 1 when a file has changed.
        @Test func acceptsWhatIsAccepted() async throws {
            let outcome = await run(
                .nothing,
                [
                    .process(
                        ProcessStage(
                            name: "t", executable: "sh", arguments: ["-c", "exit 1"], acceptedStatuses: [0, 1]))
                ])
            _ = try outcome.value()
            #expect(outcome.reports.first?.exitStatus == 1)
        }

        /// Nothing was lost when a stage knew how much would come.
        @Test func aStageNeedNotMeetTheEnd() async throws {
            for _ in 0..<20 {
                let outcome = await run(
                    .nothing, [.sh("printf 1234567890; sleep 0.05"), .run("head", "-c", "10"), .run("cat")],
                    .prefix(limit: 100))
                #expect(try outcome.value().prefix == Array("1234567890".utf8))
            }
        }
    }
}
