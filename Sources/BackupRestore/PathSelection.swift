import Synchronization
import BackupStorage
import BackupModel
import BackupPipeline

/// The paths of a source that a person wants back, and in which elements they have to be looked for.
struct PathSelection {
    private let paths: [(text: String, path: MemberPath)]

    /// - Parameter paths: relative to the root of the source; none, or one that is the root, for everything.
    init(_ paths: [String]) { self.paths = paths.map { ($0, MemberPath($0)) } }

    var isEverything: Bool { paths.isEmpty || paths.contains { $0.path.isRoot } }

    /// The paths, as they were given, that are not in `seen`.
    func missing(_ seen: Set<MemberPath>) -> [String] {
        paths.filter { !seen.contains($0.path) }.map(\.text)
    }

    /// What to look for in each element of `plan`. Reads the increments through, and writes nothing.
    ///
    /// A file that an increment holds as a whole is not looked for in older elements: it may have been a directory there,
    /// which tar would not replace by a file without the list of names of the directory above.
    ///
    /// - Throws: `notFound` when a path was not there in the end; `failed` when a directory on the way to one was
    ///   renamed; `usage` when there is an element that is no archive.
    func perElement(
        of plan: RestorePlan, in session: RestoreSession
    ) async throws(BackupError) -> [[MemberPath]] {
        let wanted = paths.map(\.path)
        var beginnings: [MemberPath: Int] = [:]
        for (position, element) in plan.elements.enumerated() {
            let layers = try await session.layers(of: element)
            guard layers.isArchive else { throw .noArchive(element.id) }
            guard element.metadata.type == .inc else { continue }
            let findings = TarFilter.Findings()
            let filter = Stage.transform(name: "path filter") { TarFilter(wanted: wanted, findings: findings) }
            try await session.run(
                element, layers.stages + [filter], .descriptor(try RestoreSession.nowhere()), counts: false)
            let (renamed, absent, whole) = findings.state.withLock { ($0.renamed, $0.absent, $0.whole) }
            if let renamed = paths.first(where: { $0.path == renamed }) { throw .pathRenamed(renamed.text, element.id) }
            for path in whole { beginnings[path] = position }
            if position == plan.elements.count - 1, !absent.isEmpty {
                throw .noPaths(paths.filter { absent.contains($0.path) }.map(\.text), plan.source)
            }
        }
        return plan.elements.indices.map { position in
            wanted.filter { position >= beginnings[$0] ?? 0 }
        }
    }
}
