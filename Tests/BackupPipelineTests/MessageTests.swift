import BackupModel
import BackupSystem
import Glibc
import Synchronization
import Testing

@testable import BackupPipeline

/// What a process says on descriptor 3, and what it is started with.
@Suite struct MessageTests {
    /// Keeps the lines that come.
    private final class Ear: Sendable {
        private let heard = Mutex<[String]>([])
        var lines: [String] { heard.withLock { $0 } }

        func sink(lines: Int = 100, total: Int = 1000, refusing word: String? = nil) -> MessageSink {
            MessageSink(lineLimit: lines, totalLimit: total) { line in
                let text = String(decoding: line, as: UTF8.self)
                self.heard.withLock { $0.append(text) }
                return text == word ? BackupError(.processFailed, "it said \(text)") : nil
            }
        }
    }

    private func stage(_ script: String, _ sink: MessageSink?) -> ProcessStage { stage(script, [], sink) }

    private func stage(_ script: String, _ arguments: [String], _ sink: MessageSink?) -> ProcessStage {
        var stage = ProcessStage(
            name: "speaker", executable: "bash", arguments: ["-c", script, "speaker"] + arguments)
        stage.messages = sink
        return stage
    }

    private func run(
        _ stage: ProcessStage, stallTimeout: TimeSpan? = TimeSpan(seconds: 60)
    ) async -> (text: String, outcome: PipelineOutcome) {
        let outcome = await Pipeline(
            input: .nothing, stages: [.process(stage)], output: .prefix(limit: 1 << 16), stallTimeout: stallTimeout
        ).run()
        return (String(decoding: (try? outcome.result.get().prefix) ?? [], as: UTF8.self), outcome)
    }

    private func failure(_ stage: ProcessStage, _ words: String...) async {
        let outcome = await run(stage).outcome
        guard case .failure(let error) = outcome.result else {
            Issue.record("it did well")
            return
        }
        #expect(error.code == .processFailed)
        for word in ["speaker"] + words { #expect(error.description.contains(word), "\(error)") }
    }

    @Test func linesComeInOrderBesideTheData() async {
        let ear = Ear()
        let script =
            "for i in 1 2 3; do echo data$i; echo message$i >&3; done; echo \"$0 $1\" >&3; readlink /proc/self/fd/0"
        let (text, _) = await run(stage(script, ["a 'b'"], ear.sink()))
        #expect(text == "data1\ndata2\ndata3\n/dev/null\n")
        #expect(ear.lines == ["message1", "message2", "message3", "speaker a 'b'"])
    }

    @Test func aProcessNeedNotSpeakNorKeepTheDescriptor() async {
        let ear = Ear()
        let (text, _) = await run(stage("exec 3>&-; echo data; sleep 0.2; echo more", ear.sink()))
        #expect(text == "data\nmore\n")
        #expect(ear.lines == [])
    }

    @Test func withoutASinkThereIsNoDescriptor3() async {
        let (text, _) = await run(stage("{ echo x >&3; } 2>/dev/null || echo none", nil))
        #expect(text == "none\n")
    }

    @Test(.timeLimit(.minutes(1))) func floodsEndTheProcess() async {
        await failure(
            stage("while :; do echo 12345678 >&3; done", Ear().sink()), "more than 1000 bytes", "descriptor 3")
        await failure(stage("yes | tr -d '\\n' >&3", Ear().sink(total: 1 << 20)), "a line of more than 100 bytes")
        let ear = Ear()
        await failure(stage("trap '' TERM; echo no >&3; while :; do :; done", ear.sink(refusing: "no")), "it said no")
        #expect(ear.lines == ["no"])
    }

    @Test func alsoTheLastLineCounts() async {
        await failure(stage("printf half >&3", Ear().sink()), "has no end")
        await failure(stage("echo ok >&3; echo bad >&3", Ear().sink(refusing: "bad")), "it said bad")
    }

    /// Data of something that was started counts until nobody has standard output; so does what it says.
    @Test(.timeLimit(.minutes(1))) func whatWasStartedIsHeardToTheEnd() async throws {
        let ear = Ear()
        let (text, _) = await run(stage("{ sleep 1; echo late; echo said >&3; } & echo early", ear.sink()))
        #expect(text == "early\nlate\n")
        #expect(ear.lines == ["said"])
        await failure(stage("{ sleep 1; echo no >&3; } & echo early", Ear().sink(refusing: "no")), "it said no")
        // Also where the data do not wait for it.
        let silent = Ear()
        _ = await run(stage("{ sleep 1; echo said >&3; } >/dev/null 2>&1 & echo early", silent.sink()))
        #expect(silent.lines == ["said"])
    }

    @Test(.timeLimit(.minutes(1))) func nobodyHoldsTheDescriptorForEver() async throws {
        var pipeline = Pipeline(
            input: .nothing, stages: [.process(stage("sleep 1000 >/dev/null 2>&1 & echo early", Ear().sink()))],
            output: .prefix(limit: 1 << 16), stallTimeout: nil)
        pipeline.timings = .quick
        let outcome = await pipeline.run()
        let error = #expect(throws: BackupError.self) { try outcome.result.get() }
        #expect(error?.description.contains("holds descriptor 3 open") == true, "\(outcome.result)")
    }

    @Test func anInterpreterThatIsNotThereIsNamed() async throws {
        let scratch = try Scratch()
        for (name, line, words) in [
            ("lost", "#! /no/such/shell -e\n", "`/no/such/shell`"), ("dos", "#!/bin/sh\r\n", "newline alone"),
        ] {
            let file = try scratch.create(name)
            try file.write(Array(line.utf8))
            file.close()
            let path = scratch.path + "/" + name
            try #require(chmod(path, 0o755) == 0)
            let outcome = await run(ProcessStage(name: "speaker", executable: path, arguments: [])).outcome
            let error = #expect(throws: BackupError.self) { try outcome.result.get() }
            #expect(error?.description.contains(words) == true, "\(outcome.result)")
            #expect(error?.description.contains(path) == true)
        }
    }

    @Test func whatTheKernelDoesNotRunIsNoScript() async throws {
        let scratch = try Scratch()
        for (name, text) in [("empty", ""), ("text", "echo data\n")] {
            let file = try scratch.create(name)
            try file.write(Array(text.utf8))
            file.close()
            let path = scratch.path + "/" + name
            try #require(chmod(path, 0o755) == 0)
            var stage = ProcessStage(name: "speaker", executable: path, arguments: [])
            stage.messages = Ear().sink()
            let outcome = await run(stage).outcome
            let error = #expect(throws: BackupError.self) { try outcome.result.get() }
            #expect(error?.description.contains("could not be started") == true, "\(outcome.result)")
            #expect(error?.description.contains("Exec format error") == true, "\(outcome.result)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func whoeverSpeaksDoesNotHang() async throws {
        let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 0.5; [ \"$1\" ] && echo $i >&3; done; echo done"
        let limit = TimeSpan(seconds: 3)
        #expect(await run(stage(script, ["x"], Ear().sink()), stallTimeout: limit).text == "done\n")
        let silent = await run(stage(script, [""], Ear().sink()), stallTimeout: limit).outcome
        #expect(throws: BackupError.self) { try silent.result.get() }
    }

    @Test func noDescriptorStaysOpen() async {
        func count() -> Int { (3..<1000).count { fcntl(CInt($0), F_GETFD) != -1 } }
        _ = await run(stage("echo x >&3", Ear().sink()))
        let before = count()
        for _ in 0..<5 { _ = await run(stage("echo x >&3; echo y", Ear().sink())) }
        var starter = stage("true", nil)
        starter.standardInput = [1]
        for _ in 0..<5 { _ = await run(starter) }
        // Other suites run at the same time only if somebody runs them in parallel.
        #expect(count() <= before + 2)
    }

    // MARK: - What it is started with

    @Test func standardInputNeedNotBeRead() async {
        var reader = stage("cat", nil)
        reader.standardInput = Array("question".utf8)
        #expect(await run(reader).text == "question")
        var other = stage("echo answer", nil)
        other.standardInput = [UInt8](repeating: 0, count: 1 << 20)
        #expect(await run(other).text == "answer\n")
    }

    @Test func theEnvironmentCanBeItsOwn() async {
        var stage = ProcessStage(
            name: "env", executable: "env", arguments: [], environment: ["A": "1", "LC_ALL": "C"])
        stage.inheritsEnvironment = false
        #expect(await run(stage).text.split(separator: "\n").sorted() == ["A=1", "LC_ALL=C"])
    }

    @Test func aStatusCanHaveAMeaning() async {
        for (status, code) in [(75, BackupError.Code.busy), (78, .configuration), (1, .processFailed)] {
            var stage = stage("echo words >&2; exit \(status)", nil)
            stage.meanings = [75: .busy, 78: .configuration]
            let outcome = await run(stage).outcome
            guard case .failure(let error) = outcome.result else {
                Issue.record("it did well")
                continue
            }
            #expect(error.code == code)
            #expect(error.description.contains("words") && error.description.contains("status \(status)"))
        }
    }
}

/// Programs that are found by name, and those that root does not run.
@Suite struct LibraryTests {
    private func stage(_ name: String, _ library: String) -> ProcessStage {
        var stage = ProcessStage(name: "the stage", executable: name, arguments: [])
        stage.libraryDirectory = library
        return stage
    }

    private func program(_ scratch: Scratch, _ name: String, mode: mode_t = 0o755) throws -> String {
        let file = try scratch.create(name)
        try file.write(Array("#!/bin/sh\necho own\n".utf8))
        file.close()
        try #require(chmod(scratch.path + "/" + name, mode) == 0)
        return scratch.path + "/" + name
    }

    @Test func theDirectoryComesBeforePath() throws {
        let scratch = try Scratch()
        let library = scratch.path + "/lib"
        try #require(mkdir(library, 0o755) == 0)
        let program = try program(scratch, "program")
        try #require(symlink(program, library + "/cat") == 0)
        #expect(try stage("cat", library).locateProgram() == library + "/cat")
        #expect(try stage("ls", library).locateProgram().hasSuffix("bin/ls"))
        #expect(try stage("/bin/cat", library).locateProgram() == "/bin/cat")
        #expect(try stage("cat", scratch.path + "/none").locateProgram().hasSuffix("bin/cat"))
        #expect(throws: BackupError.self) { try self.stage("..", library).locateProgram() }
    }

    @Test func whatCannotBeRunThereIsNotReplaced() throws {
        let scratch = try Scratch()
        try #require(symlink("nowhere", scratch.path + "/cat") == 0)
        _ = try program(scratch, "ls", mode: 0o644)
        for (name, words) in [("cat", "leads nowhere"), ("ls", "may not execute")] {
            let error = try #require(throws: BackupError.self) { try self.stage(name, scratch.path).locateProgram() }
            #expect(error.code == .programMissing)
            #expect(error.description.contains(scratch.path + "/" + name))
            #expect(error.description.contains(words))
        }
    }

    @Test func othersMustNotBeAbleToChangeWhatRootRuns() throws {
        let scratch = try Scratch()
        let file = try program(scratch, "program")
        let user = geteuid()
        try TrustedProgram.check(file, user: user)
        try #require(mkdir(scratch.path + "/open", 0o755) == 0)
        try #require(symlink(file, scratch.path + "/open/link") == 0)
        try TrustedProgram.check(scratch.path + "/open/link", user: user)

        func refusal(_ path: String, _ word: String, user: uid_t = geteuid()) throws {
            let error = try #require(throws: BackupError.self) { try TrustedProgram.check(path, user: user) }
            #expect(error.code == .permission)
            #expect(error.description.contains(word) && error.description.contains("chmod go-w"), "\(error)")
        }
        // Where the link lies counts as well as the file.
        try #require(chmod(scratch.path + "/open", 0o777) == 0)
        try refusal(scratch.path + "/open/link", "/open can be changed by other users")
        // Nobody can replace what belongs to others in a directory like /tmp.
        try #require(chmod(scratch.path + "/open", 0o1777) == 0)
        try TrustedProgram.check(scratch.path + "/open/link", user: user)
        // So does each place that a link leads through.
        try #require(mkdir(scratch.path + "/middle", 0o777) == 0)
        try #require(chmod(scratch.path + "/middle", 0o777) == 0)
        try #require(symlink("../program", scratch.path + "/middle/link") == 0)
        try #require(symlink("middle", scratch.path + "/directory") == 0)
        try #require(symlink("directory/link", scratch.path + "/first") == 0)
        try refusal(scratch.path + "/first", "/middle can be changed by other users")
        try refusal(scratch.path + "/middle/../program", "/middle can be changed by other users")
        try #require(chmod(scratch.path + "/middle", 0o755) == 0)
        try TrustedProgram.check(scratch.path + "/first", user: user)
        try #require(symlink("loop", scratch.path + "/loop") == 0)
        #expect(throws: BackupError.self) { try TrustedProgram.check(scratch.path + "/loop", user: user) }
        for mode: mode_t in [0o775, 0o757] {
            try #require(chmod(file, mode) == 0)
            try refusal(file, "it can be changed by other users")
        }
        try #require(chmod(file, 0o755) == 0)
        try #require(chmod(scratch.path, 0o770) == 0)
        try refusal(file, "\(scratch.path) can be changed")
        try #require(chmod(scratch.path, 0o700) == 0)
        if user != 0 { try refusal(file, "belongs to the user \(user)", user: user + 1) }
    }
}
