import BackupDigest
import BackupModel
import BackupStorage

/// What lies beside a partial file: how far it is, and the state of its digest there.
struct PartialNote: Equatable {
    let digest: SHA512

    /// The state, behind the first bytes of its own SHA-512: what was damaged is begun anew at once, and not found out
    /// behind the last byte.
    var bytes: [UInt8] { Self.check(digest.state) + digest.state }

    init(_ digest: SHA512) { self.digest = digest }

    /// `nil` for a note of another build, or one that was damaged.
    init?(parsing bytes: [UInt8]) {
        let state = Array(bytes.dropFirst(Self.checkLength))
        guard bytes.starts(with: Self.check(state)), let digest = SHA512(state: state) else { return nil }
        self.digest = digest
    }

    private static let checkLength = 16
    private static func check(_ state: [UInt8]) -> [UInt8] { Array(SHA512.hash(state).prefix(checkLength)) }

    static func == (left: PartialNote, right: PartialNote) -> Bool { left.bytes == right.bytes }

    /// What a partial file is found again by: the same element for the same source here. Its checksum is part of it, so
    /// that bytes of another element never get mixed in.
    static func key(_ local: SourceURL, _ metadata: ElementMetadata, size: Int64) -> PartialKey {
        var hash = SHA512()
        for text in [local.description, metadata.text, String(size)] {
            hash.update(Array(text.utf8))
            hash.update([0])
        }
        return PartialKey(Array(hash.digest().prefix(24)))
    }
}
