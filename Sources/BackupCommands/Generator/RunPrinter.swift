import BackupEngine
import BackupModel
import BackupPipeline
import BackupUnits
import Synchronization

/// Shows a person, or a program, what `gb generator once` does.
final class RunPrinter: RunObserver {
    private let json: Bool
    private let line = Mutex<ProgressLine?>(nil)

    init(json: Bool) { self.json = json }

    func started(unit: String, source: SourceURL, type: BackupType, progress: PipelineProgress) {
        // With several units at a time, the line is that of the last one that began.
        line.withLock {
            $0?.end()
            $0 = ProgressLine("\(source) \(type)", total: nil) { max(progress.bytesIn, progress.bytesOut) }
        }
    }

    func finished(_ outcome: RunOutcome) {
        line.withLock {
            $0?.end()
            $0 = nil
        }
        json ? printJSON(outcome) : printText(outcome)
        Output.standard.flush()
    }

    private func printText(_ outcome: RunOutcome) {
        if let failure = outcome.failure {
            Report.show(failure, json: false)
        } else {
            let rate = ByteCount(Int64(Double(outcome.bytesIn) / max(outcome.seconds, 0.001)))
            Output.standard.line(
                "\(outcome.source) \(outcome.type): \(ByteCount(outcome.bytesIn)) read, "
                    + "\(ByteCount(outcome.bytesOut)) stored, "
                    + "\(outcome.seconds.fixed(1)) s, \(rate)/s  \(outcome.element?.description ?? "(not stored)")")
        }
        for note in outcome.notes { Output.warning("\(outcome.source): \(note)") }
    }

    private func printJSON(_ outcome: RunOutcome) {
        var object: JSONObject = [
            "unit": .string(outcome.unit), "source": .string(outcome.source.description),
            "type": .string(outcome.type.rawValue), "bytes_in": .integer(outcome.bytesIn),
            "bytes_out": .integer(outcome.bytesOut), "duration": .number(outcome.seconds.fixed(3)),
            "notes": .array(outcome.notes.map { .string($0) }),
        ]
        object["element"] = outcome.element.map { .string($0.description) } ?? .null
        object["error"] = outcome.failure.map(\.json) ?? .null
        Output.standard.json(object)
    }

    /// Something that kept a unit from being run at all.
    func problem(_ error: BackupError) { Report.show(error, json: json) }

    func nothingDue(_ runs: [ScheduledRun], waiting: [WaitingSource]) {
        guard !json else { return }
        for source in waiting { Output.standard.line("\(source.source) waits: \(source.reason)") }
        guard let next = runs.min(by: { $0.due < $1.due }) else {
            return Output.standard.line(
                waiting.isEmpty ? "There is nothing to back up." : "Nothing can be stored now.")
        }
        Output.standard.line(
            "Nothing is due. Next: \(next.source) \(next.type) at \(next.due) (\(next.reason)). "
                + "Use --now to run it anyway.")
    }
}
