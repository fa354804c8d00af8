package import BackupCrypto
package import BackupModel
package import BackupStorage
import BackupSystem

/// Checks the signatures of stored elements: whether a key that may has signed the metadata, and by them the data.
package struct SignatureCheck: Sendable {
    private let verifier: SignatureVerifier
    private let storage: DefaultFileStorage
    /// Elements that are checked at the same time, 1 or more.
    private let jobs: Int

    /// - Parameters:
    ///   - keysDirectory: the GnuPG home directory with the public keys of the signers.
    ///   - allowed: fingerprints, at least one.
    /// - Throws: what `SignatureVerifier` says of directory and fingerprints.
    package init(
        _ storage: DefaultFileStorage, keysDirectory: String, allowed: [String], jobs: Int = 1
    ) throws(BackupError) {
        verifier = try SignatureVerifier(homeDirectory: keysDirectory, allowed: allowed)
        self.storage = storage
        self.jobs = max(1, jobs)
    }

    /// Checks one element; blocks.
    ///
    /// `MetaDataSignature` is demanded, and checked; `StorageFileSignature` is checked where it is there. Whether the data has
    /// the SHA-512 of the metadata is for `StorageVerification`.
    ///
    /// - Returns: who signed the metadata, and when.
    /// - Throws: `untrusted`, naming the element; other codes when it could not be found out.
    package func check(_ element: StoredElement) throws(BackupError) -> SignatureResult {
        do throws(BackupError) {
            let metadata = element.metadata
            guard let signature = metadata.metaDataSignature else { throw .noSignature("MetaDataSignature") }
            let result = try verifier.verify(signature, of: Array(metadata.textForSignature.utf8))
            if let signature = metadata.storageFileSignature {
                let data = try storage.openData(element.id)
                defer { data.close() }
                _ = try verifier.verify(signature, ofFile: data.raw)
            } else if metadata.checksum == nil {
                throw .dataNotCovered()
            }
            return result
        } catch {
            throw .signatureRefused(element.id, error)
        }
    }

    /// How the signatures of one source stand.
    package struct SourceResult: Sendable {
        /// Elements with good signatures.
        package var signed: [ElementID] = []
        /// What must not be trusted, or could not be checked, each with its reason.
        package var refused: [(id: ElementID, error: BackupError)] = []
    }

    /// Checks all elements of `source` that can be read, in the order of their names.
    ///
    /// - Throws: what reading the directory meets; `interrupted` when the task is cancelled.
    package func check(_ source: SourceURL) async throws(BackupError) -> SourceResult {
        let elements = try storage.elements(of: source).usable
        var checked: [(id: ElementID, error: BackupError?)] = []
        await withTaskGroup(of: (ElementID, BackupError?).self) { group in
            var rest = elements.makeIterator()
            func startNext() {
                guard !Task.isCancelled, let element = rest.next() else { return }
                group.addTask { (element.id, await refusal(element)) }
            }
            for _ in 0..<jobs { startNext() }
            while let one = await group.next() {
                checked.append(one)
                startNext()
            }
        }
        guard !Task.isCancelled else { throw BackupError(.interrupted, "checking signatures was stopped") }
        var result = SourceResult()
        for (id, error) in checked.sorted(by: { $0.id < $1.id }) {
            if let error { result.refused.append((id, error)) } else { result.signed.append(id) }
        }
        return result
    }

    private func refusal(_ element: StoredElement) async -> BackupError? {
        do throws(BackupError) {
            _ = try await BlockingThread.run("gb verify") { () throws(BackupError) in try check(element) }
            return nil
        } catch {
            return error
        }
    }
}
