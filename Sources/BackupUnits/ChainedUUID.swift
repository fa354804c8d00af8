import BackupDigest
package import BackupModel

extension ElementUUID {
    /// The UUID of a new element in the chain of its source.
    ///
    /// - Parameter checksum: the SHA-512 of the stored bytes.
    package init(predecessor: ElementUUID?, checksum: [UInt8], timestamp: Timestamp, source: SourceURL) {
        self.init(
            hashing: Self.chainInput(
                predecessor: predecessor, checksum: checksum, timestamp: timestamp, source: source))
    }

    /// The SHA-512 of `input`.
    init(hashing input: [UInt8]) {
        // 64 bytes always make a UUID.
        guard let uuid = ElementUUID(SHA512.hash(input)) else {
            preconditionFailure("a SHA-512 is 64 bytes long")
        }
        self = uuid
    }
}
