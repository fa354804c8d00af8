import BackupModel
import BackupSystem
import Glibc
import Subprocess
import SystemPackage

/// Runs a process as one node of a pipeline.
struct ProcessRunner: Sendable {
    let stage: ProcessStage
    let label: StageLabel
    /// The program, found already.
    let path: String
    let index: Int
    let input: Boundary
    let output: Boundary
    let standardError: BackupSystem.Pipe
    let state: RunState
    let timings: PipelineTimings

    /// Returns when the process is reaped. Must run in a task that is not cancelled.
    func run() async {
        guard state.begin(index) else { return leave(NodeFailure(kind: .stopped, error: .stopped())) }
        guard let reader = input.reader, let writer = output.writer else { return leave(nil) }
        let ends: ExtraEnds
        do throws(BackupError) {
            // A shell takes what the kernel cannot run for a script of its own; an empty one does well.
            if stage.messages != nil, !ExecutableLookup.isRunnable(path) { throw .noExecutable(label, path) }
            ends = try ExtraEnds(stage)
        } catch {
            return leave(NodeFailure(kind: .own, error: error))
        }
        defer { ends.close() }
        if let place = stage.writesBeneath { return await runConfined(place, reader, writer, ends) }
        var options = PlatformOptions()
        // A group of its own, so that what it starts can be ended with it.
        options.processGroupID = 0
        let directory = stage.workingDirectory ?? "/"
        do {
            _ = try await Subprocess.run(
                .path(FilePath(ends.messages == nil ? path : Self.shell)),
                arguments: arguments, environment: environment,
                workingDirectory: FilePath(directory),
                platformOptions: options,
                input: .fileDescriptor(
                    FileDescriptor(rawValue: (ends.standardInput ?? reader).raw), closeAfterSpawningProcess: false),
                output: .fileDescriptor(FileDescriptor(rawValue: writer.raw), closeAfterSpawningProcess: false),
                error: .fileDescriptor(
                    FileDescriptor(rawValue: standardError.writeEnd.raw), closeAfterSpawningProcess: false)
            ) { execution in
                let process = execution.processIdentifier
                await follow(process.value, process.processDescriptor, ends)
            }
        } catch {
            leave(
                NodeFailure(kind: .own, error: .notStarted(label, path, directory: directory, error)))
        }
    }

    /// The same for a process that may write only beneath `place`. It is started by a thread that is confined before, and
    /// those of Subprocess start other programs, too.
    private func runConfined(
        _ place: OwnedDescriptor, _ reader: OwnedDescriptor, _ writer: OwnedDescriptor, _ ends: ExtraEnds
    ) async {
        let launch = ConfinedProcess.Launch(
            path: path, arguments: [stage.executable] + stage.arguments, environment: variables,
            inheritsEnvironment: stage.inheritsEnvironment, workingDirectory: stage.workingDirectory ?? "/")
        do throws(BackupError) {
            let process = try await BlockingThread.run(stage.name) { () throws(BackupError) in
                try ConfinedProcess(
                    launch, beneath: place,
                    standard: (ends.standardInput ?? reader, writer, standardError.writeEnd))
            }
            await follow(process.pid, process.descriptor?.raw ?? -1, ends)
            process.reap()
        } catch {
            leave(NodeFailure(kind: .own, error: .stageFailed(label, error)))
        }
    }

    /// Waits for the end of a started process, on a thread.
    ///
    /// - Parameter descriptor: a pidfd; -1 where the kernel has none.
    private func follow(_ pid: pid_t, _ descriptor: CInt, _ ends: ExtraEnds) async {
        ends.started()
        output.closeWriter()
        standardError.writeEnd.close()
        state.started(index, pid: pid)
        let watch = ProcessWatch(
            pid: pid, descriptor: descriptor, standardError: standardError.readEnd,
            messages: ends.heard, onMessage: { state.spoke(index) }, onExit: { state.exited(index) },
            heldGrace: timings.heldOutputGrace, stop: state.stop.raw)
        do throws(BackupError) {
            try await BlockingThread.run(stage.name) {
                let end = watch.waitForEnd()
                let failure = judge(end)
                state.ended(
                    index, failure, exitStatus: end.signal == nil ? end.status : nil, standardError: end.log.text)
                input.closeReader()
                standardError.readEnd.close()
            }
        } catch {
            kill(-pid, SIGKILL)
            leave(NodeFailure(kind: .own, error: error))
        }
        // Until then the process stays a zombie, so that its number cannot belong to anybody else.
        await state.mayReap.wait()
    }

    /// Ends the node without a process.
    private func leave(_ failure: NodeFailure?) {
        state.ended(index, failure)
        input.closeReader()
        output.closeWriter()
        closeStandardError()
    }

    /// Does nothing to what is closed already.
    func closeStandardError() {
        standardError.readEnd.close()
        standardError.writeEnd.close()
    }

    // MARK: - What it is started with

    private static let shell = "/bin/sh"

    /// A process is started with the first three descriptors and no other. One more takes the place of standard input on
    /// the way, and a shell, which the program then replaces, puts it where it belongs.
    private var arguments: Arguments {
        guard stage.messages != nil else {
            return Arguments(executablePathOverride: stage.executable, remainingValues: stage.arguments)
        }
        let script = #"exec "$0" "$@" 3>&0 0</dev/null"#
        return Arguments(executablePathOverride: "sh", remainingValues: ["-c", script, path] + stage.arguments)
    }

    private var variables: [String: String] { ["LC_ALL": "C"].merging(stage.environment) { $1 } }

    private var environment: Environment {
        var variables: [Environment.Key: String] = [:]
        for (name, value) in self.variables {
            if let key = Environment.Key(rawValue: name) { variables[key] = value }
        }
        return stage.inheritsEnvironment ? .inherit.updating(variables.mapValues { $0 }) : .custom(variables)
    }

    /// Descriptors beside those of the pipeline.
    private struct ExtraEnds: Sendable {
        let messages: BackupSystem.Pipe?
        let standardInput: OwnedDescriptor?
        private let sink: MessageSink?

        init(_ stage: ProcessStage) throws(BackupError) {
            sink = stage.messages
            if stage.messages != nil {
                let pipe = try BackupSystem.Pipe(name: "descriptor 3 of \(stage.name)")
                messages = pipe
                standardInput = pipe.writeEnd
                return
            }
            messages = nil
            guard let bytes = stage.standardInput else {
                standardInput = nil
                return
            }
            standardInput = try OwnedDescriptor.memoryFile(bytes, name: "standard input of \(stage.name)")
        }

        var heard: (pipe: OwnedDescriptor, sink: MessageSink)? {
            guard let messages, let sink else { return nil }
            return (messages.readEnd, sink)
        }

        /// The process has descriptors of its own.
        func started() { standardInput?.close() }

        func close() {
            standardInput?.close()
            messages?.readEnd.close()
        }
    }

    // MARK: - What was wrong

    private func judge(_ end: ProcessWatch.End) -> NodeFailure? {
        let lines = lastLines(end.log)
        if let failure = end.messageFailure { return NodeFailure(kind: .own, error: .stageFailed(label, failure)) }
        if end.signal == nil, isSuccess(end) { return judgeInput(lines) }
        let error: BackupError =
            if let signal = end.signal {
                .killed(label, signal: signal, lines)
            } else if let code = stage.meanings[end.status] {
                .meantStatus(label, end.status, code, lines)
            } else if let diagnosis = stage.verdict?.diagnosis(end.log.text) {
                .stageFailed(label, diagnosis)
            } else {
                .badStatus(label, end.status, lines)
            }
        if state.wasStopped(index) { return NodeFailure(kind: .stopped, error: error) }
        // 141 is what a shell makes of SIGPIPE; tar and others catch it and complain.
        let isVictim =
            (end.signal == SIGPIPE || end.status == 141 || end.log.text.contains("Broken pipe"))
            && (output.producerWasCutOff || !output.isPipe)
        return NodeFailure(kind: isVictim ? .readerGone : .own, error: error)
    }

    private func isSuccess(_ end: ProcessWatch.End) -> Bool {
        stage.verdict?.isSuccess(end.status, end.log.text) ?? stage.acceptedStatuses.contains(end.status)
    }

    private func lastLines(_ log: StandardErrorLog) -> String {
        guard let verdict = stage.verdict else { return log.lastLines }
        return StandardErrorLog.lastLines(of: verdict.messages(log.text))
    }

    /// Checks that a process which says that all is well has taken all of its input.
    ///
    /// It need not have met the end: if the producer writes nothing more, nothing was lost. So the producer is given
    /// time to write or to end, which makes the answer independent of who was faster.
    private func judgeInput(_ lines: String) -> NodeFailure? {
        guard input.isPipe, let reader = input.reader else { return nil }
        let deadline = SystemClock.monotonic() + timings.inputEndGrace
        while true {
            let waiting = reader.bytesWaiting
            if waiting > 0 {
                return NodeFailure(kind: blame, error: .unreadInput(label, bytes: waiting, lines))
            }
            if reader.isAtEnd { return nil }
            if state.stop.isRaised { return NodeFailure(kind: .stopped, error: .stopped()) }
            let left = deadline - SystemClock.monotonic()
            if left <= 0 { return NodeFailure(kind: blame, error: .leftEarly(label, lines)) }
            waitUntilReady(reader.raw, POLLIN, or: state.stop.raw, timeout: CInt(max(1, min(left, 60) * 1000)))
        }
    }

    private var blame: NodeFailure.Kind { state.wasStopped(index) ? .stopped : .own }
}
