package import BackupModel

extension StoredElement {
    /// Stages that this program begins with. Their elements have a UUID that is made as the format says; those of others,
    /// the log files of the original for example, are made from what no metadata holds.
    private static let firstStages: Set<String> = ["tar", "command", "packages", "program"]

    /// The name of the file that the element of a log file was made from.
    private var logFileName: String? {
        guard let first = metadata.pipeline?.first, metadata.origin != nil, first.stage == "logfile" else { return nil }
        return first.other["File"]?.stringValue
    }

    /// Whether this is an element whose UUID can be made again from its metadata.
    private var hasKnownOrigin: Bool {
        guard let first = metadata.pipeline?.first, metadata.origin != nil else { return false }
        return Self.firstStages.contains(first.stage)
    }

    /// Compares `DataUuid` with what predecessor, checksum, time and source make. That the stored bytes have this checksum
    /// is checked elsewhere. Does nothing for elements without checksum, and for those that this program did not make.
    ///
    /// - Throws: `damaged` when one of them is not what it was when the element was made.
    package func checkIdentity() throws(BackupError) {
        guard let checksum = metadata.checksum else { return }
        if let name = logFileName {
            let made = DataDigest.uuid(
                predecessor: metadata.predecessor, checksum: checksum, timestamp: metadata.timestamp, name: name)
            guard made == metadata.uuid else { throw .changedMetadata(id) }
            return
        }
        guard hasKnownOrigin else { return }
        // A holder may keep the source under a path of its own (`prefix`, the attic): then the name that it was made with
        // is the end of the name here.
        let parts = id.source.parts
        for start in parts.indices {
            guard let source = try? SourceURL("/" + parts[start...].joined(separator: "/")) else { continue }
            let made = DataDigest.uuid(
                predecessor: metadata.predecessor, checksum: checksum, timestamp: metadata.timestamp, source: source)
            if made == metadata.uuid { return }
        }
        throw .changedMetadata(id)
    }
}
