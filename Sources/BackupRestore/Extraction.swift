import BackupModel
import BackupPipeline
import BackupStorage
import BackupSystem
import Synchronization

/// One restore of a plan into a target: checks first what it would do there, and then applies the elements, oldest first.
struct Extraction {
    /// What elements that are no archives are written to until the last of them is whole.
    private static let unfinishedName = ".gb-unfinished"

    private let session: RestoreSession
    private let plan: RestorePlan
    private let target: RestoreTarget
    private let selection: PathSelection
    /// That of ``target``.
    private let directory: Directory
    /// Whether the kernel keeps tar in the target.
    private let isConfined = ConfinedProcess.isPossible
    private let findings = TarFilter.Findings()

    init(
        _ plan: RestorePlan, to target: RestoreTarget, _ selection: PathSelection, _ session: RestoreSession
    ) throws(BackupError) {
        self.session = session
        self.plan = plan
        self.target = target
        self.selection = selection
        directory = try Directory(path: target.path)
    }

    /// - Parameter begin: is told of each element before it is applied, with its number from 1.
    /// - Throws: as ``RestoreSession/extract(_:to:paths:begin:)``.
    func run(_ begin: (StoredElement, Int) -> Void) async throws(BackupError) {
        try checkLinks()
        try await checkPlaces()
        try session.checkFormats(plan)
        let shares = selection.isEverything ? nil : try await selection.shares(of: plan, in: session)
        for (position, element) in plan.elements.enumerated() {
            let share = shares?[position]
            // Nothing of it is wanted: it is older than all that is.
            if let share, share.wanted.isEmpty { continue }
            begin(element, position + 1)
            do throws(BackupError) { try await apply(element, at: position, share) } catch {
                throw stopped(at: element, position, error)
            }
        }
        guard shares != nil else { return }
        let missing = selection.missing(findings.state.withLock { $0.seen })
        if !missing.isEmpty { throw .noPaths(missing, plan.source) }
    }

    // MARK: - Before anything is written

    /// No wanted path lies behind a symbolic link of the target.
    private func checkLinks() throws(BackupError) {
        for path in selection.wanted {
            if let link = try LinkInspector.link(above: path, in: directory) {
                throw .throughLink(path, link, target.path)
            }
        }
    }

    /// Reads everything through, and writes nothing, when the target is not empty, may lose what the backup does not know,
    /// and has a ``ProtectedPlace`` where something is wanted.
    private func checkPlaces() async throws(BackupError) {
        guard target.mayDelete, !target.wasEmpty else { return }
        let wanted = selection.wanted
        let places = session.protected.flatMap { place in place.paths(below: target.path).map { (place, $0) } }
            .filter { place in wanted.contains { $0.contains(place.1) || place.1.contains($0) } }
        guard !places.isEmpty else { return }
        for (position, element) in plan.elements.enumerated() {
            let layers = try await session.layers(of: element)
            guard layers.isArchive else { continue }
            let isLast = position == plan.elements.count - 1
            let inspectors = Inspectors(
                all: places.map { place, path in
                    PlaceInspector(place: place, path: path, target: target, element: element.id, isLast: isLast)
                })
            try await session.run(
                element, layers.stages + [Self.filter(wanted, TarFilter.Findings(), inspectors)],
                .descriptor(try RestoreSession.nowhere()), counts: false)
        }
    }

    // MARK: - Elements

    private func apply(
        _ element: StoredElement, at position: Int, _ share: PathSelection.Share?
    ) async throws(BackupError) {
        let layers = try await session.layers(of: element)
        switch layers.payload {
        case .tar: try await untar(element, layers.stages, share, isFirst: position == 0)
        case .bytes, .piece:
            try await append(
                element, layers.stages, isFirst: position == 0, isLast: position == plan.elements.count - 1)
        }
    }

    private func untar(
        _ element: StoredElement, _ layers: [Stage], _ share: PathSelection.Share?, isFirst: Bool
    ) async throws(BackupError) {
        // In an empty directory one archive alone cannot get tar to follow its own links.
        let tops = target.mayDelete ? share?.wanted ?? [] : []
        let inspector = target.wasEmpty && isFirst ? nil : LinkInspector(directory, tops: tops)
        for path in share?.directories ?? [] { try directory.removeFile(at: path.bytes) }
        var stages = layers
        if share != nil || inspector != nil {
            stages.append(Self.filter(share?.wanted ?? selection.wanted, findings, inspector))
        }
        let directory = directory
        let isConfined = isConfined
        var tar = ProcessStage(
            name: "tar", executable: "tar",
            arguments: RestoreSession.tarArguments(deletes: target.mayDelete),
            environment: RestoreSession.tarEnvironment,
            // Not by --directory: what two directories are swapped by, tar would make beneath its own.
            workingDirectory: target.path,
            verdict: .init(diagnosis: { TarComplaint.diagnosis(of: $0, target: directory, isConfined: isConfined) }))
        // However well archives are looked at: tar reads them for itself.
        if isConfined { tar.writesBeneath = directory.descriptor }
        try await session.run(element, stages + [.process(tar)], .nothing)
    }

    private static func filter<Inspector: MemberInspector & Sendable>(
        _ wanted: [MemberPath], _ findings: TarFilter.Findings, _ inspector: Inspector?
    ) -> Stage {
        .transform(name: "path filter") { TarFilter(wanted: wanted, findings: findings, inspector: inspector) }
    }

    /// Elements that are no archives become one file, called like the last part of their source. It has that name only
    /// when it is whole: a file that looks like the dump and is not would be taken for it one day.
    private func append(
        _ element: StoredElement, _ stages: [Stage], isFirst: Bool, isLast: Bool
    ) async throws(BackupError) {
        let unfinished = Self.unfinishedName
        if isFirst { try directory.removeFile(unfinished) }
        let file = isFirst ? try directory.createFile(unfinished) : try directory.openForAppending(unfinished)
        try await session.run(element, stages, .descriptor(file))
        guard isLast else { return }
        try file.sync()
        try directory.rename(unfinished, to: element.id.source.lastPart)
    }

    /// What to say of the target, where the unfinished file is removed.
    private func stopped(at element: StoredElement, _ position: Int, _ error: BackupError) -> BackupError {
        try? directory.removeFile(Self.unfinishedName)
        if target.removeIfUnused() {
            // An archive made to do harm can have had tar work elsewhere, or take away what it had made.
            let isCertain = isConfined && error.code != .untrusted
            return .restoreNotBegun(element.id, target: target.path, isCertain: isCertain, error)
        }
        return .restoreStopped(
            element.id, target: target.path, done: position, total: plan.elements.count, error)
    }
}
