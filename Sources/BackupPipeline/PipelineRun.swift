import BackupModel
import BackupSystem
import Glibc
import Synchronization

/// One run of a pipeline: its nodes, what lies between them, and what comes of it.
///
/// The nodes are the stages, with a mover in front where a file is read and one behind where a file is written.
final class PipelineRun: Sendable {
    private enum Node: Sendable {
        case mover(Mover)
        case transform(TransformRunner)
        case process(ProcessRunner)
    }

    private let nodes: [Node]
    private let boundaries: [Boundary]
    private let state: RunState
    private let supervisor: Supervisor
    /// The node of the first stage.
    private let firstStage: Int
    private let stages: [Stage]
    private let readsFile: Bool
    private let writesFile: Bool
    private let moved: Mutex<[Int: Mover.Result]> = Mutex([:])

    /// Finds all programs and makes all pipes; nothing runs yet.
    init(_ pipeline: Pipeline) throws(BackupError) {
        let plan = try PipelinePlan(pipeline)
        boundaries = plan.boundaries
        firstStage = plan.firstStage
        stages = pipeline.stages
        readsFile = plan.readsFile
        writesFile = plan.writesFile
        let state = try RunState(plan.nodes.map { RunState.Node($0.label, timeout: $0.timeout) })
        self.state = state
        supervisor = Supervisor(
            state: state, boundaries: plan.boundaries, stallTimeout: pipeline.stallTimeout, timings: pipeline.timings)
        nodes = plan.nodes.enumerated().map { index, node in
            let (input, output) = (plan.boundaries[index], plan.boundaries[index + 1])
            switch node.work {
            case .move(let expected, let limit, let startsWriteback, let isHashing):
                return .mover(
                    Mover(
                        label: node.label, input: input, output: output,
                        digest: BackgroundDigest(isHashing: isHashing), expected: expected, limit: limit,
                        startsWriteback: startsWriteback, stop: state.stop))
            case .transform(let make):
                return .transform(
                    TransformRunner(label: node.label, make: make, input: input, output: output, stop: state.stop))
            case .process(let stage, let path, let standardError):
                return .process(
                    ProcessRunner(
                        stage: stage, label: node.label, path: path, index: index, input: input, output: output,
                        standardError: standardError, state: state, timings: pipeline.timings))
            }
        }
    }

    /// May be called on any thread, at any time.
    func cancel() { state.pull(.cancelled) }

    /// As ``cancel()``, and no process gets time to end in good order.
    func kill() { state.hurry() }

    // MARK: - Running

    func execute() async -> (reports: [StageReport], result: Result<PipelineResult, BackupError>) {
        if state.trigger == nil {
            // Tasks of their own: cancellation is the supervisor's work, and must reach nobody else.
            var tasks: [Task<Void, Never>] = []
            for (index, node) in nodes.enumerated() {
                tasks.append(Task { await self.run(node, index) })
            }
            let supervision = Task { await self.supervise() }
            await supervision.value
            state.mayReap.open()
            for task in tasks { await task.value }
        }
        let outcome = (reports(), result())
        for boundary in boundaries { boundary.closeAll() }
        for case .process(let runner) in nodes { runner.closeStandardError() }
        state.close()
        return outcome
    }

    private func supervise() async {
        do throws(BackupError) {
            try await BlockingThread.run("pipeline") { self.supervisor.run() }
        } catch {
            // Without a supervisor nothing may run on.
            state.condemn(0, error)
            state.stopAll()
            state.killAll()
        }
    }

    private func run(_ node: Node, _ index: Int) async {
        switch node {
        case .process(let runner): await runner.run()
        case .transform(let runner):
            await runOnThread(runner.label, index) { runner.run() }
        case .mover(let mover):
            let digest = mover.digest
            let hashing = Task {
                guard digest.isHashing else { return }
                do throws(BackupError) { try await BlockingThread.run("sha512") { digest.hashAll() } } catch {
                    digest.fail(error)
                }
            }
            await runOnThread(mover.label, index) {
                let result = mover.run()
                self.moved.withLock { $0[index] = result }
                if result.isEnough { self.state.pull(.enough) }
                return result.failure
            } orElse: {
                _ = try? digest.finish()
            }
            await hashing.value
        }
    }

    private func runOnThread(
        _ label: StageLabel, _ index: Int, _ body: @escaping @Sendable () -> NodeFailure?,
        orElse: @Sendable () -> Void = {}
    ) async {
        _ = state.begin(index)
        let (input, output) = (boundaries[index], boundaries[index + 1])
        do throws(BackupError) {
            try await BlockingThread.run(label.description) {
                self.state.ended(index, body())
                input.closeReader()
                output.closeWriter()
            }
        } catch {
            state.ended(index, NodeFailure(kind: .own, error: error))
            input.closeReader()
            output.closeWriter()
            orElse()
        }
    }

    // MARK: - What has come of it

    private func reports() -> [StageReport] {
        let nodes = state.nodes
        return stages.enumerated().map { number, stage in
            let index = firstStage + number
            let node = nodes[index]
            let seconds = node.startedAt.map { max(0, (node.endedAt ?? $0) - $0) } ?? 0
            return StageReport(
                name: stage.name, exitStatus: node.exitStatus, bytesIn: boundaries[index].count,
                bytesOut: boundaries[index + 1].count, standardError: node.standardError, seconds: seconds,
                failure: node.failure?.error)
        }
    }

    private func result() -> Result<PipelineResult, BackupError> {
        let moved = moved.withLock { $0 }
        let first = moved[0], last = moved[nodes.count - 1]
        let trigger = state.trigger
        if trigger == .cancelled { return .failure(.interrupted()) }
        // What a stage does after it has given enough is of no interest, whichever came first.
        if let last, last.isEnough {
            return .success(
                PipelineResult(inputSHA512: nil, outputSHA512: nil, outputSize: 0, prefix: last.prefix))
        }
        if trigger != nil { return .failure(RunState.culprit(of: state.nodes) ?? .interrupted()) }
        return .success(
            PipelineResult(
                inputSHA512: readsFile ? first?.digest : nil, outputSHA512: writesFile ? last?.digest : nil,
                outputSize: boundaries.last?.writtenSize ?? 0, prefix: last?.prefix ?? []))
    }
}
