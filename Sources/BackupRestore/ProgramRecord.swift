import BackupModel

/// What the first stage of an element says that was made by a program of the administrator's own.
enum ProgramRecord {
    static let stage = "program"

    /// How the bytes are put together again, by the key `Format`.
    ///
    /// - Throws: `damaged` for a format that is not known here.
    static func payload(_ record: StageRecord, _ id: ElementID) throws(BackupError) -> ElementLayers.Payload {
        switch record.other["Format"] {
        case nil, .string("bytes"): return .bytes
        case .string("tar"): return .tar
        case .string("append"): return .piece
        case let other?: throw .unknownFormat(id, other.compactText)
        }
    }
}
