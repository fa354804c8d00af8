import BackupModel
import BackupPipeline
import BackupSystem
import BackupUnits

/// Writes down how runs begin and end.
struct RunJournal: Sendable {
    /// How much of what a stage said on standard error is kept, in characters: as much as explains a failure.
    private static let longestText = 8192

    let journal: Journal
    let clock: any WallClock

    func begin(_ outcome: RunOutcome, reason: String) throws(BackupError) {
        try journal.append(event(.runStarted, outcome).with("reason", reason))
    }

    func end(_ outcome: RunOutcome, _ reports: [StageReport]) throws(BackupError) {
        var line = event(Self.kind(of: outcome), outcome)
            .with("element", outcome.element?.description)
            .with("bytes_in", .integer(outcome.bytesIn)).with("bytes_out", .integer(outcome.bytesOut))
            .with("duration", .number(outcome.seconds.fixed(3)))
        if !reports.isEmpty { line = line.with("stages", .array(reports.map(Self.describe))) }
        if !outcome.notes.isEmpty { line = line.with("notes", .array(outcome.notes.map { .string($0) })) }
        if let failure = outcome.failure {
            line = line.with("code", failure.code.rawValue).with("error", failure.description)
        }
        try journal.append(line)
        for found in outcome.events {
            try journal.append(
                found.details.members.reduce(event(Self.kind(of: found), outcome)) { $0.with($1.key, $1.value) })
        }
    }

    private static func kind(of found: UnitEvent) -> JournalEvent.Kind {
        switch found.kind {
        case .packageDisagreement: .packageDisagreement
        }
    }

    private static func kind(of outcome: RunOutcome) -> JournalEvent.Kind {
        if outcome.failure != nil { return .runFailed }
        return outcome.element == nil ? .note : .elementStored
    }

    private func event(_ kind: JournalEvent.Kind, _ outcome: RunOutcome) -> JournalEvent {
        JournalEvent(kind, at: clock.now())
            .with("unit", outcome.unit).with("source", outcome.source.description).with("type", outcome.type.rawValue)
    }

    private static func describe(_ report: StageReport) -> JSONValue {
        var object: JSONObject = ["stage": .string(report.name), "seconds": .number(report.seconds.fixed(3))]
        if let status = report.exitStatus { object["status"] = .integer(status) }
        if let bytes = report.bytesIn { object["bytes_in"] = .integer(bytes) }
        if let bytes = report.bytesOut { object["bytes_out"] = .integer(bytes) }
        if !report.standardError.isEmpty {
            object["stderr"] = .string(String(report.standardError.suffix(longestText)))
        }
        if let failure = report.failure { object["failure"] = .string(failure.message) }
        return .object(object)
    }
}
