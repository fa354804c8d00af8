import BackupEngine
import BackupModel
import BackupPackages
import BackupRestore
import BackupStorage

/// The change of a package before which a source is restored.
struct PackageChange: Sendable {
    let record: PackageRecord
    let moment: Timestamp
    /// Who tells of it.
    let place: String

    /// What was found, for people.
    var summary: String {
        let name = PackageText.name(record.fullName ?? "", record.architecture, manager: record.manager)
        let version = (record.version ?? "").escapedForMessage
        let end = (record.finished ?? record.started)?.description ?? "unknown time"
        let time = isInferred ? "after \(moment), at \(end) at the latest" : "at \(end)"
        return "\(name) \(version): \(record.event) \(time), by \(place)"
    }

    /// For people.
    func sentence(_ plan: RestorePlan) -> String {
        "\(summary). The last moment before it is \(moment); the element of that time is \(last(of: plan))."
    }

    /// No line of a log tells of it: all that is known is what was there before and afterwards.
    private var isInferred: Bool { record.completeness == .inferred }

    /// As `--json` output shows it, under the key ``key``.
    func json(_ plan: RestorePlan) -> JSONValue {
        .object([
            "package": .string(record.fullName ?? ""), "version": .string(record.version ?? ""),
            "event": .string(record.event.rawValue),
            "time": .string((record.finished ?? record.started)?.description ?? ""),
            "completeness": .string(record.completeness.rawValue),
            "architecture": record.architecture.map { .string($0) } ?? .null, "packages_from": .string(place),
            "moment": .string(moment.description), "element": .string(last(of: plan)),
        ])
    }

    static let key = "before_package"

    private func last(of plan: RestorePlan) -> String { plan.elements[plan.elements.count - 1].id.description }
}
