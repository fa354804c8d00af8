import BackupModel
import BackupPipeline
import BackupStorage
import Synchronization

/// The paths of a source that a person wants back, and in which elements they have to be looked for.
struct PathSelection {
    /// What one element has to do with the paths.
    struct Share {
        /// Those to look for in it.
        var wanted: [MemberPath]
        /// Those of them that are directories from this element on, if not before.
        var directories: [MemberPath]
    }

    private let paths: [(text: [UInt8], path: MemberPath)]

    /// - Parameter paths: relative to the root of the source; none, or one that is the root, for everything.
    /// - Throws: `usage` for an empty path: it is a variable that was not set, and never means everything.
    init(_ paths: [[UInt8]]) throws(BackupError) {
        guard !paths.contains([]) else { throw .emptyPath() }
        self.paths = paths.map { ($0, MemberPath($0)) }
    }

    /// What is wanted, each with all below it.
    var wanted: [MemberPath] { isEverything ? [MemberPath("")] : paths.map(\.path) }

    var isEverything: Bool { paths.isEmpty || paths.contains { $0.path.isRoot } }

    /// The paths, as they were given, that are not in `seen`.
    func missing(_ seen: Set<MemberPath>) -> [[UInt8]] {
        paths.filter { !seen.contains($0.path) }.map(\.text)
    }

    /// What to look for in each element of `plan`. Reads the increments through, and writes nothing.
    ///
    /// A file that an increment holds as a whole is not looked for in older elements: it may have been a directory there,
    /// which tar would not replace by a file without the list of names of the directory above.
    ///
    /// - Throws: `notFound` when a path was not there in the end; `failed` when a directory on the way to one was
    ///   renamed; `usage` when there is an element that is no archive.
    func shares(of plan: RestorePlan, in session: RestoreSession) async throws(BackupError) -> [Share] {
        var shares: [Share] = []
        for (position, element) in plan.elements.enumerated() {
            let layers = try await session.layers(of: element)
            guard layers.isArchive else { throw .noArchive(element.id) }
            shares.append(Share(wanted: wanted, directories: []))
            guard element.metadata.type == .inc else { continue }
            let findings = TarFilter.Findings()
            let filter = Stage.transform(name: "path filter") { TarFilter(wanted: wanted, findings: findings) }
            try await session.run(
                element, layers.stages + [filter], .descriptor(try RestoreSession.nowhere()), counts: false)
            let found = findings.state.withLock { $0 }
            if let renamed = paths.first(where: { $0.path == found.renamed }) {
                throw .pathRenamed(renamed.text, element.id)
            }
            for older in shares.indices.dropLast() { shares[older].wanted.removeAll { found.whole.contains($0) } }
            shares[position].directories = Array(found.directories)
            if position == plan.elements.count - 1, !found.absent.isEmpty {
                throw .noPaths(paths.filter { found.absent.contains($0.path) }.map(\.text), plan.source)
            }
        }
        return shares
    }
}
