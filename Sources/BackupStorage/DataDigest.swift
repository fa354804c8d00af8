import BackupDigest
package import BackupModel
package import BackupSystem

/// The SHA-512 that metadata keeps of stored bytes.
package enum DataDigest {
    /// Reads the file from where it stands to its end, with constant memory.
    ///
    /// - Parameter progress: is called with the number of bytes read since the call before; ends the reading by throwing.
    /// - Returns: 64 bytes.
    package static func sha512(
        _ file: OwnedDescriptor, progress: (Int) throws(BackupError) -> Void = { _ in }
    ) throws(BackupError) -> [UInt8] {
        var hash = SHA512()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { return hash.digest() }
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            try progress(count)
        }
    }

    /// The SHA-512 of the first `count` bytes of a file, or of all if it has fewer; with constant memory.
    package static func sha512(_ file: OwnedDescriptor, upTo count: Int64) throws(BackupError) -> [UInt8] {
        var hash = SHA512()
        let memory = AlignedMemory(count: 1 << 20)
        while hash.count < count {
            let wanted = Int(min(Int64(memory.bytes.count), count - hash.count))
            let read = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: memory.bytes[..<wanted]), at: hash.count)
            if read == 0 { break }
            hash.update(UnsafeRawBufferPointer(rebasing: memory.bytes[..<read]))
        }
        return hash.digest()
    }

    package static func sha512(_ bytes: [UInt8]) -> [UInt8] { SHA512.hash(bytes) }

    /// The UUID that an element with these metadata is made with.
    ///
    /// - Parameter checksum: the SHA-512 of the stored bytes.
    /// - Returns: never `nil`: 64 bytes make a UUID.
    package static func uuid(
        predecessor: ElementUUID?, checksum: [UInt8], timestamp: Timestamp, source: SourceURL
    ) -> ElementUUID? {
        uuid(predecessor: predecessor, checksum: checksum, timestamp: timestamp, name: source.description)
    }

    /// The same for the element of a log file, with the name of the file.
    package static func uuid(
        predecessor: ElementUUID?, checksum: [UInt8], timestamp: Timestamp, name: String
    ) -> ElementUUID? {
        ElementUUID(
            sha512(
                ElementUUID.chainInput(
                    predecessor: predecessor, checksum: checksum, timestamp: timestamp, name: name)))
    }
}
