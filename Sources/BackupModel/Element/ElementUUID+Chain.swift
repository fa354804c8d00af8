extension ElementUUID {
    /// What the UUID of an element is the SHA-512 of, as the original makes it: the predecessor's UUID (if any), the
    /// SHA-512 of the stored bytes, and the text `<Timestamp> <source URL>`. Who makes elements and who checks them hash
    /// it themselves: nothing is hashed here.
    ///
    /// - Parameter checksum: 64 bytes.
    package static func chainInput(
        predecessor: ElementUUID?, checksum: [UInt8], timestamp: Timestamp, source: SourceURL
    ) -> [UInt8] {
        chainInput(predecessor: predecessor, checksum: checksum, timestamp: timestamp, name: source.description)
    }

    /// As ``chainInput(predecessor:checksum:timestamp:source:)`` for the element of a log file, which has the name of the
    /// file in place of that of the source.
    package static func chainInput(
        predecessor: ElementUUID?, checksum: [UInt8], timestamp: Timestamp, name: String
    ) -> [UInt8] {
        (predecessor?.bytes ?? []) + checksum + Array("\(timestamp.seconds) \(name)".utf8)
    }
}
