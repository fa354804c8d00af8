import BackupModel
package import BackupStorage

/// What the first stage of an element says that was made by a program of the administrator's own.
enum ProgramRecord {
    static let stage = "program"
    /// Characters of a hint; a program cannot say more.
    static let longestHint = 1000

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

extension StoredElement {
    /// What the program that made it says of how its data is used, fit for a terminal; `nil` where there is no such thing.
    package var hint: String? {
        guard let record = metadata.pipeline?.first, record.stage == ProgramRecord.stage,
            let text = record.other["Hint"]?.stringValue, !text.isEmpty
        else { return nil }
        return text.escapedForMessage(limit: ProgramRecord.longestHint)
    }
}

extension RestorePlan {
    /// What the programs that made its elements say of how the data is used: each text once, in the order of the elements.
    package var hints: [String] {
        elements.compactMap(\.hint).reduce(into: []) { hints, hint in if !hints.contains(hint) { hints.append(hint) } }
    }
}
