package import BackupModel
import BackupSystem

/// Stages in a row, each with the output of the one before as its input.
///
/// Every boundary is one kernel pipe; neighbouring processes talk directly. Transforms, and the reading and writing of
/// files, have a thread each, and memory does not grow with the amount of data. When ``run()`` returns, all of its
/// processes, threads and descriptors are gone. After a failure that includes what the processes have left behind in
/// their process groups; after a success such things live on, as long as they do not hold a pipe open.
package struct Pipeline: Sendable {
    let input: PipelineInput
    let stages: [Stage]
    let output: PipelineOutput
    let stallTimeout: TimeSpan?
    let progress: PipelineProgress?
    var timings = PipelineTimings()

    /// - Parameters:
    ///   - stages: may be empty: then it is a copy, with the digest checked.
    ///   - stallTimeout: how long nothing may move anywhere; `nil` for as long as it takes.
    package init(
        input: PipelineInput, stages: [Stage], output: PipelineOutput, stallTimeout: TimeSpan?,
        progress: PipelineProgress? = nil
    ) {
        self.input = input
        self.stages = stages
        self.output = output
        self.stallTimeout = stallTimeout
        self.progress = progress
    }

    /// Runs the pipeline to its end. Cancelling the task ends everything, with code `interrupted`; so does ``Haste`` that is
    /// demanded of the task, which gives the processes no time.
    package func run() async -> PipelineOutcome {
        let start = SystemClock.monotonic()
        let run: PipelineRun
        do throws(BackupError) { run = try PipelineRun(self) } catch {
            return notStarted(error, start)
        }
        let ended = await Haste.watching {
            await withTaskCancellationHandler {
                await run.execute()
            } onCancel: {
                run.cancel()
            }
        } onDemand: {
            run.kill()
        }
        return PipelineOutcome(
            reports: ended.reports, result: ended.result, seconds: SystemClock.monotonic() - start)
    }

    func label(_ number: Int) -> StageLabel {
        StageLabel(stage: stages[number].name, number: number + 1, of: stages.count)
    }

    private func notStarted(_ error: BackupError, _ start: Double) -> PipelineOutcome {
        let missing = firstMissing()
        let reports = stages.enumerated().map { index, stage in
            StageReport(
                name: stage.name, exitStatus: nil, bytesIn: nil, bytesOut: nil, standardError: "", seconds: 0,
                failure: index == missing ? error : nil)
        }
        return PipelineOutcome(
            reports: reports, result: .failure(error), seconds: SystemClock.monotonic() - start)
    }

    /// The first stage whose program cannot be run.
    private func firstMissing() -> Int? {
        stages.indices.first { index in
            guard case .process(let stage) = stages[index] else { return false }
            return (try? ExecutableLookup.path(of: stage, label(index))) == nil
        }
    }
}
