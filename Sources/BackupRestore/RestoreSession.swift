package import BackupModel
package import BackupPipeline
package import BackupStorage
import BackupSystem
import Glibc

/// Brings elements of one storage back. Writes nothing into the storage.
package struct RestoreSession: Sendable {
    package let storage: any ElementStorage
    /// The storage's own directory, into which nothing is restored; `nil` if it has none.
    package let storagePath: String?
    /// What a restore must not delete.
    package let protected: [ProtectedPlace]
    package let tools: RestoreTools
    /// A pipeline that stands still for this long is given up.
    package let stallTimeout: TimeSpan?
    /// Counts the stored bytes that were read, over all elements.
    package let progress: PipelineProgress

    package init(
        storage: any ElementStorage, storagePath: String?, protected: [ProtectedPlace] = [], tools: RestoreTools,
        stallTimeout: TimeSpan?, progress: PipelineProgress
    ) {
        self.storage = storage
        self.storagePath = storagePath
        self.protected =
            (storagePath.map { [ProtectedPlace(name: "the storage", path: $0, care: .untouched)] } ?? []) + protected
        self.tools = tools
        self.stallTimeout = stallTimeout
        self.progress = progress
    }

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

    /// Undoes an element.
    ///
    /// - Parameters:
    ///   - counts: whether ``progress`` counts the bytes.
    ///   - checks: whether they are compared with the checksum; not possible when only some are read.
    func run(
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
    /// - Throws: `damaged` for bytes or metadata that are not what they were when the element was made; what undoing meets.
    package func rehearse(_ plan: RestorePlan) async throws(BackupError) -> [ElementID] {
        var unchecked: [ElementID] = []
        for element in plan.elements {
            try element.checkIdentity()
            let layers = try await layers(of: element)
            switch layers.payload {
            case .bytes, .piece: try await run(element, layers.stages, .descriptor(try Self.nowhere()))
            case .tar:
                let list = ProcessStage(
                    name: "tar", executable: "tar", arguments: ["--list", "--file=-"], environment: Self.tarEnvironment)
                try await run(element, layers.stages + [.process(list)], .nothing)
            }
            if element.metadata.checksum == nil { unchecked.append(element.id) }
        }
        return unchecked
    }

    /// Where bytes go that are only looked at.
    static func nowhere() throws(BackupError) -> OwnedDescriptor {
        let raw = try systemCall("open", "/dev/null") { open("/dev/null", O_WRONLY | O_CLOEXEC) }
        return OwnedDescriptor(raw, name: "/dev/null")
    }
}
