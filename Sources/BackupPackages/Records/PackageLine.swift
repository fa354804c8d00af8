package import BackupModel

/// One line of a package state: what stands in a snapshot or in the changes since.
package enum PackageLine: Sendable, Hashable {
    case header(SnapshotHeader)
    case package(InstalledPackage)
    case change(PackageRecord)
    /// A kind of line that a newer version writes.
    case unknown(JSONObject)

    /// Reads one line, with or without its newline.
    ///
    /// - Throws: `damaged`.
    package init(parsing line: [UInt8]) throws(BackupError) {
        guard let object = try JSONParser.parse(line).objectValue else { throw .packageLine("it is no JSON object") }
        switch object["Kind"]?.stringValue {
        case SnapshotHeader.kind: self = .header(try SnapshotHeader(object))
        case InstalledPackage.kind: self = .package(try InstalledPackage(object))
        case PackageRecord.kind: self = .change(try PackageRecord(object))
        case nil: throw .packageLine("Kind is missing")
        default: self = .unknown(object)
        }
    }
}
