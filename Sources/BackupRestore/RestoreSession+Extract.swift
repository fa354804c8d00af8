package import BackupModel
import BackupPipeline
package import BackupStorage
import BackupSystem
import Glibc
import Synchronization

extension RestoreSession {
    /// What GNU tar is told for extracting: everything as it was, deletions and renames included.
    static var tarArguments: [String] {
        ["--extract", "--file=-", "--listed-incremental=/dev/null"] + tarAttributes
    }

    /// Whether files get the owners they had: only root can give files away, and tar fails if others try.
    package static var restoresOwners: Bool { geteuid() == 0 }

    private static var tarAttributes: [String] {
        [
            "--numeric-owner", restoresOwners ? "--same-owner" : "--no-same-owner", "--preserve-permissions",
            "--delay-directory-restore", "--xattrs", "--xattrs-include=*", "--acls",
        ]
    }

    /// Applies the plan's elements to the target, oldest first. A target that was made for this is removed again when it
    /// fails before anything is in it.
    ///
    /// - Parameters:
    ///   - paths: relative to the root of the source, any bytes; empty for everything.
    ///   - begin: is told of each element before it is applied, with its number from 1.
    /// - Throws: `damaged` with a statement of what on disk not to trust; `notFound` when a path was not there at that
    ///   time; `usage` for paths in an element that is no archive, and when a ``ProtectedPlace`` would be harmed;
    ///   `untrusted` when something would be written through a symbolic link in the target.
    package func extract(
        _ plan: RestorePlan, to target: RestoreTarget, paths: [[UInt8]],
        begin: (StoredElement, Int) -> Void
    ) async throws(BackupError) {
        do throws(BackupError) { try await apply(plan, target, try PathSelection(paths), begin) } catch {
            _ = target.removeIfUnused()
            throw error
        }
    }

    private func apply(
        _ plan: RestorePlan, _ target: RestoreTarget, _ selection: PathSelection, _ begin: (StoredElement, Int) -> Void
    ) async throws(BackupError) {
        let directory = try Directory(path: target.path)
        for path in selection.wanted {
            if let link = try LinkInspector.link(above: path, in: directory) {
                throw .throughLink(path, link, target.path)
            }
        }
        try await checkPlaces(plan, target, selection.wanted)
        try checkFormats(plan)
        let shares = selection.isEverything ? nil : try await selection.shares(of: plan, in: self)
        let findings = TarFilter.Findings()
        for (done, element) in plan.elements.enumerated() {
            // Nothing of it is wanted: it is older than all that is.
            let share = shares?[done]
            if let share, share.wanted.isEmpty { continue }
            begin(element, done + 1)
            do throws(BackupError) {
                let layers = try await layers(of: element)
                switch layers.payload {
                case .tar:
                    // In an empty directory one archive alone cannot get tar to follow its own links.
                    let tops = target.mayDelete ? share?.wanted ?? [] : []
                    let inspector = target.wasEmpty && done == 0 ? nil : LinkInspector(directory, tops: tops)
                    for path in share?.directories ?? [] { try directory.removeFile(at: path.bytes) }
                    var stages = layers.stages
                    if share != nil || inspector != nil {
                        stages.append(filter(share?.wanted ?? selection.wanted, findings, inspector))
                    }
                    try await untar(element, stages, target)
                case .bytes, .piece:
                    try await writeFile(
                        element, layers, target, isFirst: done == 0, isLast: done == plan.elements.count - 1)
                }
            } catch {
                // Of elements before this one.
                try? directory.removeFile(Self.unfinishedName)
                if target.removeIfUnused() {
                    throw .restoreNotBegun(element.id, target: target.path, error)
                }
                throw .restoreStopped(
                    element.id, target: target.path, done: done, total: plan.elements.count, error)
            }
        }
        guard shares != nil else { return }
        let missing = selection.missing(findings.state.withLock { $0.seen })
        if !missing.isEmpty { throw .noPaths(missing, plan.source) }
    }

    /// Checks that increments that a program has made can be put together with what is before them.
    ///
    /// - Throws: `usage` for those that only the program understands.
    package func checkFormats(_ plan: RestorePlan) throws(BackupError) {
        guard plan.elements.count > 1 else { return }
        var formats: [ElementLayers.Payload] = []
        for element in plan.elements {
            guard let record = element.metadata.pipeline?.first, record.stage == ProgramRecord.stage else { continue }
            let format = try ProgramRecord.payload(record, element.id)
            guard format != .bytes, formats.allSatisfy({ $0 == format }) else { throw .incrementOfProgram(element.id) }
            formats.append(format)
        }
    }

    private func filter<Inspector: MemberInspector & Sendable>(
        _ wanted: [MemberPath], _ findings: TarFilter.Findings, _ inspector: Inspector?
    ) -> Stage {
        .transform(name: "path filter") { TarFilter(wanted: wanted, findings: findings, inspector: inspector) }
    }

    /// Reads everything through, and writes nothing, when the target is not empty, may lose what the backup does not know,
    /// and has a ``ProtectedPlace`` where something is wanted.
    private func checkPlaces(
        _ plan: RestorePlan, _ target: RestoreTarget, _ wanted: [MemberPath]
    ) async throws(BackupError) {
        guard target.mayDelete, !target.wasEmpty else { return }
        let places = protected.flatMap { place in place.paths(below: target.path).map { (place, $0) } }.filter {
            place in
            wanted.contains { $0.contains(place.1) || place.1.contains($0) }
        }
        guard !places.isEmpty else { return }
        for (position, element) in plan.elements.enumerated() {
            let layers = try await layers(of: element)
            guard layers.isArchive else { continue }
            let isLast = position == plan.elements.count - 1
            let inspectors = Inspectors(
                all: places.map { place, path in
                    PlaceInspector(place: place, path: path, target: target, element: element.id, isLast: isLast)
                })
            try await run(
                element, layers.stages + [filter(wanted, TarFilter.Findings(), inspectors)],
                .descriptor(try Self.nowhere()), counts: false)
        }
    }

    private func untar(
        _ element: StoredElement, _ stages: [Stage], _ target: RestoreTarget
    ) async throws(BackupError) {
        let arguments =
            target.mayDelete ? Self.tarArguments : ["--extract", "--file=-"] + Self.tarAttributes
        let tar = ProcessStage(
            name: "tar", executable: "tar", arguments: arguments + ["--directory=" + target.path],
            environment: ["TAR_OPTIONS": ""],
            verdict: .init(diagnosis: { TarComplaint.diagnosis(of: $0, target: target.path) }))
        try await run(element, stages + [.process(tar)], .nothing)
    }

    private static let unfinishedName = ".gb-unfinished"

    /// Elements that are no archives become one file, called like the last part of their source. It has that name only
    /// when it is whole: a file that looks like the dump and is not would be taken for it one day.
    private func writeFile(
        _ element: StoredElement, _ layers: ElementLayers, _ target: RestoreTarget, isFirst: Bool, isLast: Bool
    ) async throws(BackupError) {
        let directory = try Directory(path: target.path)
        let name = element.id.source.lastPart
        let unfinished = Self.unfinishedName
        if isFirst { try directory.removeFile(unfinished) }
        let file = isFirst ? try directory.createFile(unfinished) : try directory.openForAppending(unfinished)
        do throws(BackupError) {
            try await run(element, layers.stages, .descriptor(file))
            guard isLast else { return }
            try file.sync()
            try directory.rename(unfinished, to: name)
        } catch {
            try? directory.removeFile(unfinished)
            throw error
        }
    }
}
