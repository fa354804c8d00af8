package import BackupModel
import Crypto

extension ElementUUID {
    /// The UUID of an element in the chain of its source, as the original makes it: the SHA-512 of the predecessor's UUID
    /// (if any), the SHA-512 of the stored bytes, and the text `<Timestamp> <source URL>`.
    package init(predecessor: ElementUUID?, checksum: [UInt8], timestamp: Timestamp, source: SourceURL) {
        var hash = SHA512()
        if let predecessor { hash.update(data: predecessor.bytes) }
        hash.update(data: checksum)
        hash.update(data: Array("\(timestamp.seconds) \(source)".utf8))
        // 64 bytes always make a UUID.
        guard let uuid = ElementUUID(Array(hash.finalize())) else { preconditionFailure("a SHA-512 is 64 bytes long") }
        self = uuid
    }
}
