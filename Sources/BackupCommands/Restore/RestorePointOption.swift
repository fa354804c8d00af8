import ArgumentParser
import BackupEngine
import BackupModel
import BackupPackages
import BackupRestore
import BackupStorage

/// For commands that go back in time: to a moment, an element, or to just before a package changed.
struct RestorePointOption: ParsableArguments {
    @OptionGroup var time: TimeOption

    @Option(
        name: .customLong("before-package"),
        help: ArgumentHelp(
            """
            The state just before the last installation (or else the last removal) of a package: openssl, \
            'dev-libs/openssl-3.1*', libssl3:amd64. With --at TIME: the last one up to that time.
            """,
            valueName: "PATTERN"))
    var package: String?

    @Option(
        name: .customLong("occurrence"),
        help: ArgumentHelp(
            "With --before-package: 1 for the last such change, 2 for the one before it. Default: 1.", valueName: "N"))
    var occurrence: Int?

    @Option(
        name: .customLong("packages-from"),
        help: ArgumentHelp(
            """
            With --before-package: the source in the storage that holds the package state, or local for the log of this \
            machine. Default: the package state of the machine that the source is of.
            """,
            valueName: "SOURCE|local"))
    var from: String?

    @Flag(
        name: .customLong("skip-damaged"),
        help: """
            With --before-package: pass over elements of the package state that are damaged, as if they were not there.
            """)
    var skipsDamaged = false

    func validate() throws {
        if package == nil, occurrence != nil || from != nil || skipsDamaged {
            throw ValidationError(
                "--occurrence, --packages-from and --skip-damaged are of use only with --before-package")
        }
        if skipsDamaged, from == "local" {
            throw ValidationError("--skip-damaged is about a storage, and --packages-from local asks none")
        }
        if let occurrence, !(1...ChangeSearch.maximumOccurrence).contains(occurrence) {
            throw ValidationError("--occurrence is a number from 1 to \(ChangeSearch.maximumOccurrence)")
        }
    }

    /// What was found.
    struct Found {
        var point: RestorePoint
        var change: PackageChange?
        /// What there is to say of it, as sentences.
        var notes: [String] = []
        /// Of changes before which there may be something else to go back to.
        fileprivate var occurrence = 1
        fileprivate var isBounded = false

        /// Which elements bring the source back to that point.
        func plan(_ session: RestoreSession, _ source: SourceURL) throws(BackupError) -> RestorePlan {
            do throws(BackupError) {
                return try RestorePlan(session.storage, source: source, at: point)
            } catch {
                guard let change, error.code == .notFound,
                    let first = try session.storage.elements(of: source).usable.map(\.metadata.timestamp).min()
                else { throw error }
                throw .changeBeforeFirst(
                    change, source, first: first, isLast: occurrence == 1, isBounded: isBounded)
            }
        }
    }

    /// - Parameters:
    ///   - source: that is to be restored.
    ///   - configDirectory: of this machine.
    func find(
        of source: SourceURL, _ session: RestoreSession, configDirectory: String
    ) async throws(BackupError) -> Found {
        let point = try time.resolve()
        guard let package else { return Found(point: point) }
        let pattern = try PackagePattern(package)
        var bound: Timestamp?
        switch point {
        case .newest: break
        case .time(let time): bound = time
        case .element: throw .elementAsBound()
        }
        let (history, place) = try history(for: source, session, configDirectory)
        let found = try await PackageQuestions(history).moment(
            before: pattern, occurrence: occurrence ?? 1, notAfter: bound)
        return Found(
            point: .time(found.moment),
            change: PackageChange(record: found.record, moment: found.moment, place: place), notes: found.notes,
            occurrence: occurrence ?? 1, isBounded: bound != nil)
    }

    private func history(
        for source: SourceURL, _ session: RestoreSession, _ configDirectory: String
    ) throws(BackupError) -> (any PackageHistory, place: String) {
        if from == "local" {
            let local = try LocalPackages(LocalPackages.Place(), configurationPath: configDirectory)
            return (local, "the log of this machine")
        }
        let state: PackageStateSource
        if let from {
            state = try PackageStateSource.choose(in: session.storage, source: try SourceURL(from), machine: nil)
        } else {
            state = try PackageStateSource.choose(in: session.storage, for: source)
        }
        return (StoredPackages(state, session, passesDamaged: skipsDamaged), state.source.description)
    }
}

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
