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
        help: ArgumentHelp(
            """
            The state just before the last installation (or else the last removal) of a package: openssl, \
            'dev-libs/openssl-3.1*', libssl3:amd64. With --at TIME: the last one up to that time.
            """,
            valueName: "PATTERN"))
    var beforePackage: String?

    @Option(
        help: ArgumentHelp(
            "With --before-package: 1 for the last such change, 2 for the one before it. Default: 1.", valueName: "N"))
    var occurrence: Int?

    @Option(
        help: ArgumentHelp(
            """
            With --before-package: the source in the storage that holds the package state, or local for the log of this \
            machine. Default: the package state of the machine that the source is of.
            """,
            valueName: "SOURCE|local"))
    var packagesFrom: String?

    @Flag(
        help: """
            With --before-package: pass over elements of the package state that are damaged, as if they were not there.
            """)
    var skipDamaged = false

    func validate() throws {
        if beforePackage == nil, occurrence != nil || packagesFrom != nil || skipDamaged {
            throw ValidationError(
                "--occurrence, --packages-from and --skip-damaged are of use only with --before-package")
        }
        if skipDamaged, packagesFrom == "local" {
            throw ValidationError("--skip-damaged is about a storage, and --packages-from local asks none")
        }
        if let occurrence, !(1...ChangeSearch.maximumOccurrence).contains(occurrence) {
            throw ValidationError("--occurrence is a number from 1 to \(ChangeSearch.maximumOccurrence)")
        }
    }

    /// Finds which elements bring a source back to the point, and warns of what is odd about that.
    ///
    /// - Parameter configDirectory: of this machine.
    /// - Returns: also the change before which it is, where that was asked for.
    func plan(
        of source: SourceURL, _ session: RestoreSession, configDirectory: String
    ) async throws(BackupError) -> (RestorePlan, PackageChange?) {
        let point = try time.resolve()
        var change: PackageChange?
        var notes: [String] = []
        let plan: RestorePlan
        if let beforePackage {
            let pattern = try PackagePattern(beforePackage)
            let bound: Timestamp?
            switch point {
            case .newest: bound = nil
            case .time(let time): bound = time
            case .element: throw .elementAsBound()
            }
            let (history, place) = try history(for: source, session, configDirectory)
            let found = try await PackageQuestions(history).moment(
                before: pattern, occurrence: occurrence ?? 1, notAfter: bound)
            let before = PackageChange(record: found.record, moment: found.moment, place: place)
            plan = try self.plan(of: source, session, before: before, isBounded: bound != nil)
            (change, notes) = (before, found.notes)
        } else {
            plan = try RestorePlan(session.storage, source: source, at: point)
        }
        for warning in notes + plan.warnings { Output.warning(warning) }
        return (plan, change)
    }

    private func plan(
        of source: SourceURL, _ session: RestoreSession, before change: PackageChange, isBounded: Bool
    ) throws(BackupError) -> RestorePlan {
        do throws(BackupError) {
            return try RestorePlan(session.storage, source: source, at: .time(change.moment))
        } catch {
            guard error.code == .notFound,
                let first = try session.storage.elements(of: source).usable.map(\.metadata.timestamp).min()
            else { throw error }
            throw .changeBeforeFirst(
                change, source, first: first, isLast: (occurrence ?? 1) == 1, isBounded: isBounded)
        }
    }

    private func history(
        for source: SourceURL, _ session: RestoreSession, _ configDirectory: String
    ) throws(BackupError) -> (any PackageHistory, place: String) {
        if packagesFrom == "local" {
            let local = try LocalPackages(LocalPackages.Place(), configurationPath: configDirectory)
            return (local, "the log of this machine")
        }
        let state: PackageStateSource
        if let packagesFrom {
            state = try PackageStateSource.choose(
                in: session.storage, source: try SourceURL(packagesFrom), machine: nil)
        } else {
            state = try PackageStateSource.choose(in: session.storage, for: source)
        }
        return (StoredPackages(state, session, passesDamaged: skipDamaged), state.source.description)
    }
}
