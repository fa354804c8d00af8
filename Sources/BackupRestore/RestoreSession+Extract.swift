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

    /// Applies the plan's elements to the target, oldest first.
    ///
    /// - Parameters:
    ///   - paths: relative to the root of the source; empty for everything.
    ///   - begin: is told of each element before it is applied, with its number from 1.
    /// - Throws: `damaged` with a statement of what on disk not to trust; `notFound` when a path was not there at that
    ///   time; `usage` for paths in an element that is no archive.
    package func extract(
        _ plan: RestorePlan, to target: RestoreTarget, paths: [String],
        begin: (StoredElement, Int) -> Void
    ) async throws(BackupError) {
        let selection = try PathSelection(paths)
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
                    let filter = share.map { share in
                        Stage.transform(name: "path filter") { TarFilter(wanted: share.wanted, findings: findings) }
                    }
                    for path in share?.directories ?? [] { try removeFile(path, target) }
                    try await untar(element, layers.stages + (filter.map { [$0] } ?? []), target)
                case .bytes: try await writeFile(element, layers, target)
                }
            } catch {
                throw .restoreStopped(
                    element.id, target: target.path, done: done, total: plan.elements.count, error)
            }
        }
        guard shares != nil else { return }
        let missing = selection.missing(findings.state.withLock { $0.seen })
        if !missing.isEmpty { throw .noPaths(missing, plan.source) }
    }

    /// Makes room for a directory that was a file in an older element: tar does so only where it knows the directory above.
    private func removeFile(_ path: MemberPath, _ target: RestoreTarget) throws(BackupError) {
        let text = String(decoding: path.bytes, as: UTF8.self)
        var directory = try Directory(path: target.path)
        var name = text
        do throws(BackupError) {
            if let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) {
                directory = try directory.directory(String(text[..<slash]))
                name = String(text[text.utf8.index(after: slash)...])
            }
            if let status = try directory.status(name), status.kind != .directory { try directory.removeFile(name) }
        } catch {
            // Nothing is there yet, not even the directory above.
            if error.code != .notFound { throw error }
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

    /// An element that is no archive becomes one file, called like the last part of its source. It has that name only
    /// when it is whole: a file that looks like the dump and is not would be taken for it one day.
    private func writeFile(
        _ element: StoredElement, _ layers: ElementLayers, _ target: RestoreTarget
    ) async throws(BackupError) {
        let directory = try Directory(path: target.path)
        let name = element.id.source.lastPart
        let unfinished = ".gb-unfinished"
        try directory.removeFile(unfinished)
        let file = try directory.createFile(unfinished)
        do throws(BackupError) {
            try await run(element, layers.stages, .descriptor(file))
            try file.sync()
            try directory.rename(unfinished, to: name)
        } catch {
            try? directory.removeFile(unfinished)
            throw error
        }
    }
}
