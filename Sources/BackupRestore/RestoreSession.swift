package import BackupModel
package import BackupPipeline
package import BackupStorage
import BackupSystem
import Glibc
import Synchronization

/// Brings elements of one storage back. Writes nothing into the storage.
package struct RestoreSession: Sendable {
    package let storage: any ElementStorage
    /// The storage's own directory, into which nothing is restored; `nil` if it has none.
    package let storagePath: String?
    package let tools: RestoreTools
    /// A pipeline in which no byte moves for this long is given up.
    package let stallTimeout: TimeSpan?
    /// Counts the stored bytes that were read, over all elements.
    package let progress: PipelineProgress

    package init(
        storage: any ElementStorage, storagePath: String?, tools: RestoreTools, stallTimeout: TimeSpan?,
        progress: PipelineProgress
    ) {
        self.storage = storage
        self.storagePath = storagePath
        self.tools = tools
        self.stallTimeout = stallTimeout
        self.progress = progress
    }

    /// What GNU tar is told for extracting: everything as it was, deletions and renames included.
    static let tarArguments = [
        "--extract", "--file=-", "--listed-incremental=/dev/null", "--numeric-owner", "--same-owner",
        "--preserve-permissions", "--delay-directory-restore", "--xattrs", "--xattrs-include=*", "--acls",
    ]

    /// How an element is undone.
    ///
    /// - Throws: `untrusted` when its metadata names a command that is not configured here; `damaged` for a stage that
    ///   nothing undoes; for an element without `Pipeline`, whatever decrypting its first bytes meets.
    package func layers(of element: StoredElement) async throws(BackupError) -> ElementLayers {
        try await LayerResolver(storage: storage, tools: tools, stallTimeout: stallTimeout).layers(of: element)
    }

    // MARK: - Bytes of one element

    /// Writes the payload of an element (the tar archive, the dump) to `output`.
    ///
    /// - Throws: `damaged` when the stored bytes are not those of the metadata: what was written must not be used.
    package func write(_ element: StoredElement, to output: PipelineOutput) async throws(BackupError) {
        let layers = try await layers(of: element)
        try await run(element, layers.stages, output)
    }

    /// Undoes the first bytes of an element: whether the key is here, and whether they look as they must.
    package func peek(_ element: StoredElement, _ layers: ElementLayers) async throws(BackupError) {
        guard element.size > 0, !layers.stages.isEmpty else { return }
        try await run(element, layers.stages, .prefix(limit: 1), counts: false, checks: false)
    }

    private func run(
        _ element: StoredElement, _ stages: [Stage], _ output: PipelineOutput, counts: Bool = true,
        checks: Bool = true
    ) async throws(BackupError) {
        let file = try storage.openData(element.id)
        defer { file.close() }
        let pipeline = Pipeline(
            input: .file(file, expected: checks ? element.metadata.checksum : nil), stages: stages, output: output,
            stallTimeout: stallTimeout, progress: counts ? progress : nil)
        _ = try await pipeline.run().result.get()
    }

    /// Compares the stored bytes of the plan's elements with their checksums, and writes nothing.
    package func checkBytes(of plan: RestorePlan) async throws(BackupError) {
        for element in plan.elements { try await run(element, [], .descriptor(try Self.nowhere())) }
    }

    /// Undoes every element of the plan and lets tar read the archives through, without writing a file.
    ///
    /// - Returns: The elements that hold no checksum to compare with.
    package func rehearse(_ plan: RestorePlan) async throws(BackupError) -> [ElementID] {
        var unchecked: [ElementID] = []
        for element in plan.elements {
            let layers = try await layers(of: element)
            switch layers.payload {
            case .bytes: try await run(element, layers.stages, .descriptor(try Self.nowhere()))
            case .tar:
                let list = ProcessStage(
                    name: "tar", executable: "tar", arguments: ["--list", "--file=-"], environment: ["TAR_OPTIONS": ""])
                try await run(element, layers.stages + [.process(list)], .nothing)
            }
            if element.metadata.checksum == nil { unchecked.append(element.id) }
        }
        return unchecked
    }

    private static func nowhere() throws(BackupError) -> OwnedDescriptor {
        let raw = try systemCall("open", "/dev/null") { open("/dev/null", O_WRONLY | O_CLOEXEC) }
        return OwnedDescriptor(raw, name: "/dev/null")
    }

    // MARK: - Extracting

    /// Applies the plan's elements to the target, oldest first.
    ///
    /// - Parameters:
    ///   - paths: relative to the root of the source; empty for everything.
    ///   - begin: is told of each element before it is applied.
    /// - Throws: `damaged` with a statement of what on disk not to trust; `notFound` when a path was not there at that
    ///   time.
    package func extract(
        _ plan: RestorePlan, to target: RestoreTarget, paths: [String],
        begin: (StoredElement, Int) -> Void
    ) async throws(BackupError) {
        if !paths.isEmpty { try await checkPaths(paths, plan) }
        let findings = TarFilter.Findings()
        for (done, element) in plan.elements.enumerated() {
            begin(element, done + 1)
            do throws(BackupError) {
                let layers = try await layers(of: element)
                switch layers.payload {
                case .tar: try await untar(element, layers, target, paths, findings)
                case .bytes: try await writeFile(element, layers, target, paths)
                }
            } catch {
                if error.code == .usage { throw error }
                throw .restoreStopped(
                    element.id, target: target.path, done: done, total: plan.elements.count, error)
            }
        }
        let seen = findings.state.withLock { $0.seen }
        let missing = paths.filter { !seen.contains(TarFilter.normalised($0)) }
        if !missing.isEmpty { throw .noPaths(missing, plan.source) }
    }

    private func untar(
        _ element: StoredElement, _ layers: ElementLayers, _ target: RestoreTarget, _ paths: [String],
        _ findings: TarFilter.Findings
    ) async throws(BackupError) {
        var stages = layers.stages
        if !paths.isEmpty {
            stages.append(.transform(name: "path filter") { TarFilter(wanted: paths, findings: findings) })
        }
        let tar = ProcessStage(
            name: "tar", executable: "tar", arguments: Self.tarArguments + ["--directory=" + target.path],
            environment: ["TAR_OPTIONS": ""])
        try await run(element, stages + [.process(tar)], .nothing)
    }

    /// An element that is no archive becomes one file, called like the last part of its source.
    private func writeFile(
        _ element: StoredElement, _ layers: ElementLayers, _ target: RestoreTarget, _ paths: [String]
    ) async throws(BackupError) {
        guard paths.isEmpty else {
            throw BackupError(
                .usage, "\(element.id) is no archive: there are no paths to choose in it", remedy: "leave out the paths")
        }
        let directory = try Directory(path: target.path)
        let name = element.id.source.lastPart
        if try directory.status(name) != nil { try directory.removeFile(name) }
        let file = try directory.createFile(name)
        do throws(BackupError) {
            try await run(element, layers.stages, .descriptor(file))
            try file.sync()
        } catch {
            // A file that looks like the dump and is not would be taken for it one day.
            try? directory.removeFile(name)
            throw error
        }
    }

    // MARK: - Single paths

    /// Reads the increments through before anything is written: are the paths there in the end, and can they be followed?
    private func checkPaths(_ paths: [String], _ plan: RestorePlan) async throws(BackupError) {
        let last = plan.elements.count - 1
        for (position, element) in plan.elements.enumerated() where element.metadata.type == .inc {
            let layers = try await layers(of: element)
            guard case .tar = layers.payload else { continue }
            let findings = TarFilter.Findings()
            let filter = Stage.transform(name: "path filter") { TarFilter(wanted: paths, findings: findings) }
            try await run(element, layers.stages + [filter], .descriptor(try Self.nowhere()), counts: false)
            let (renamed, present) = findings.state.withLock { ($0.renamed, $0.present) }
            if let renamed { throw .pathRenamed(renamed, element.id) }
            guard position == last else { continue }
            let gone = paths.filter { path in
                let path = TarFilter.normalised(path)
                return !path.isEmpty && present[path] != true
            }
            if !gone.isEmpty { throw .noPaths(gone, plan.source) }
        }
    }

    // MARK: - By hand

    /// The commands that do the same without this program, one line an element.
    ///
    /// - Parameter directory: where the files go, as the lines should say it.
    package func shellLines(_ plan: RestorePlan, directory: String) async throws(BackupError) -> [String] {
        var lines: [String] = []
        for element in plan.elements {
            let layers = try await layers(of: element)
            var commands = layers.shellCommands
            var ending = ""
            switch layers.payload {
            case .tar: commands.append(["tar"] + Self.tarArguments + ["--directory=" + directory])
            case .bytes: ending = " > " + Self.quoted(directory + "/" + element.id.source.lastPart)
            }
            let path = Self.quoted(storage.localPath(of: element.id) ?? element.id.description)
            let line = commands.map { $0.map(Self.quoted).joined(separator: " ") }.joined(separator: " | ")
            lines.append("< \(path) " + (line.isEmpty ? "cat" : line) + ending)
        }
        return lines
    }

    /// A word as a POSIX shell takes it literally.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: Array("-_./=:,@%+".utf8).contains(byte)
            }
        }
        return isPlain && !word.isEmpty ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
