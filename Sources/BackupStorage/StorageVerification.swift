package import BackupModel
import BackupSystem
import Synchronization

/// Rereads what is stored: SHA-512 of the bytes, metadata against `DataUuid`, completeness of the files, and the chain of
/// each source.
package struct StorageVerification: Sendable {
    private let storage: DefaultFileStorage
    /// Elements that are read at the same time, 1 or more.
    private let jobs: Int
    /// Counts the bytes that were read, for a progress display.
    package let progress: VerificationProgress

    package init(_ storage: DefaultFileStorage, jobs: Int) {
        self.storage = storage
        self.jobs = max(1, jobs)
        progress = VerificationProgress()
    }

    /// How one source stands.
    package struct SourceResult: Sendable {
        package let source: SourceURL
        /// Elements whose bytes and metadata are as they were stored.
        package var sound: [ElementID] = []
        /// Elements that hold no checksum to compare with.
        package var unchecked: [ElementID] = []
        /// What must not be trusted, each with its reason.
        package var damaged: [(id: ElementID, error: BackupError)] = []
        /// What is wrong with the chain.
        package var chainViolations: [String] = []
        /// Files of elements of this source that are not whole.
        package var strays: [String] = []

        package var isSound: Bool { damaged.isEmpty && chainViolations.isEmpty && strays.isEmpty }
    }

    /// Checks one source.
    ///
    /// - Throws: what reading the directory meets; `interrupted` when the task is cancelled.
    package func verify(_ source: SourceURL) async throws(BackupError) -> SourceResult {
        var result = SourceResult(source: source)
        let (usable, damaged) = try storage.elements(of: source)
        result.damaged = damaged.map { ($0.0, $0.1) }
        result.chainViolations = ElementChain(source: source, usable).violations
        result.strays = try StraySearch(storage).strays(of: source)

        var checked: [(ElementID, Bool?, BackupError?)] = []
        await withTaskCancellationHandler {
            await withTaskGroup(of: (ElementID, Bool?, BackupError?).self) { group in
                var rest = usable.makeIterator()
                func startNext() {
                    guard !Task.isCancelled, let element = rest.next() else { return }
                    group.addTask { await check(element) }
                }
                for _ in 0..<jobs { startNext() }
                while let one = await group.next() {
                    checked.append(one)
                    startNext()
                }
            }
        } onCancel: {
            progress.stop()
        }
        guard !Task.isCancelled else { throw .verificationStopped() }
        for (id, isSame, error) in checked.sorted(by: { $0.0 < $1.0 }) {
            if let error {
                result.damaged.append((id, error))
            } else if let isSame {
                if isSame { result.sound.append(id) } else { result.damaged.append((id, .wrongChecksum(id))) }
            } else {
                result.unchecked.append(id)
            }
        }
        return result
    }

    /// What lies in the storage and belongs to no source that a listing shows, one sentence each: files of no element,
    /// unfinished elements of sources that have no other, links, directories that cannot be a source.
    package func strayFiles() throws(BackupError) -> [String] { try StraySearch(storage).straysOfNoSource() }

    /// Whether the bytes of an element are those of its metadata: `nil` where the metadata has no checksum; and what else
    /// is wrong with it.
    private func check(_ element: StoredElement) async -> (ElementID, Bool?, BackupError?) {
        let id = element.id
        do throws(BackupError) {
            let isSame = try await BlockingThread.run("gb verify") { () throws(BackupError) -> Bool? in
                let digest = try DataDigest.sha512(try storage.openData(id)) { count throws(BackupError) in
                    try progress.add(count)
                }
                return element.metadata.checksum.map { $0 == digest }
            }
            // Wrong bytes are the worse news.
            if isSame == true { try element.checkIdentity() }
            return (id, isSame, nil)
        } catch {
            return (id, nil, error)
        }
    }
}

/// Bytes read so far; may be asked from any thread.
package final class VerificationProgress: Sendable {
    private let count = Atomic<Int64>(0)
    private let isStopped = Atomic<Bool>(false)

    package init() {}

    package var bytes: Int64 { count.load(ordering: .relaxed) }

    func add(_ bytes: Int) throws(BackupError) {
        count.add(Int64(bytes), ordering: .relaxed)
        if isStopped.load(ordering: .relaxed) { throw .verificationStopped() }
    }

    /// Ends the reading of elements at the next piece.
    func stop() { isStopped.store(true, ordering: .relaxed) }
}
