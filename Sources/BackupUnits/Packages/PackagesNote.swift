import BackupModel
import BackupPackages

/// Sentences for the journal about runs of a `packages` unit.
enum PackagesNote {
    private static let mostNames = 5

    static func rejected(_ lines: RejectedLines) -> [String] {
        guard lines.count > 0 else { return [] }
        let isOne = lines.count == 1
        return [
            "\(lines.count) \(isOne ? "line of the log does not fit and was" : "lines of the log do not fit and were") "
                + "passed over: "
                + lines.quotes.map { "\"\($0.text)\" at byte \($0.offset)" }.joined(separator: ", ")
                + (lines.count > lines.quotes.count ? ", ..." : "")
        ]
    }

    static func continuity(_ continuity: LogPlan.Continuity, _ log: String, isFull: Bool) -> [String] {
        switch continuity {
        case .first, .continues: []
        case .interrupted:
            [
                "\(log.escapedForMessage) was cut or replaced, and what was taken last is in none of its parts: lines that "
                    + "were written in between may be missing"
            ]
        case .replaced:
            [
                "\(log.escapedForMessage) is not what it was when it was read last: lines that were taken are not there any "
                    + "more" + (isFull ? ", so this element begins anew" : "")
            ]
        }
    }

    static func heldBack(_ part: (name: String, reason: String)?) -> [String] {
        part.map { ["what is younger than \($0.name.escapedForMessage) waits for the next run: \($0.reason)"] } ?? []
    }

    static func noLog(_ path: String, wasThere: Bool) -> String {
        let path = path.escapedForMessage
        return wasThere
            ? "the log \(path) has vanished: only the database says what has changed"
            : "there is no log \(path): only the database says what has changed"
    }

    static func notCompared() -> String {
        "a package manager was at work all the time: log and database were not compared, the next run does it"
    }

    static func notRegistered() -> String {
        "this machine is not registered, so the records name none; `gb machine register` gives it an identity"
    }

    static func disagreements(_ found: [PackageComparison.Disagreement]) -> String {
        let names = found.prefix(mostNames).map(\.fullName.escapedForMessage).joined(separator: ", ")
        return "log and database disagree on \(found.count == 1 ? "1 package" : "\(found.count) packages"): \(names)"
            + (found.count > mostNames ? ", ..." : "") + "; the records follow the database"
    }

    static func event(_ found: PackageComparison.Disagreement) -> UnitEvent {
        var details: JSONObject = [
            "package": .string(found.fullName), "manager": .string(found.manager), "root": .string(found.root),
            "disagreement": .string(found.kind.rawValue),
        ]
        details["architecture"] = found.architecture.map { .string($0) }
        details["log_version"] = found.logVersion.map { .string($0) }
        details["database_version"] = found.databaseVersion.map { .string($0) }
        details["log_state"] = found.logState.map { .string($0) }
        details["database_state"] = found.databaseState.map { .string($0) }
        return UnitEvent(kind: .packageDisagreement, details: details)
    }
}
