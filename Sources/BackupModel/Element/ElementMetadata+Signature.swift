extension ElementMetadata {
    /// What ``metaDataSignature`` is a signature of, as ASCII bytes: the object in canonical form with `MetaDataSignature`
    /// present and `null`, and without `TransferAttributes`, which every holder may change. All other keys are covered,
    /// also those that we do not know and `StorageFileSignature`.
    package var textForSignature: String {
        var signed = object
        signed["MetaDataSignature"] = .null
        signed["TransferAttributes"] = nil
        return JSONValue.object(signed).canonicalText
    }

    /// The same metadata with signatures.
    ///
    /// - Parameters:
    ///   - storageFile: the detached signature of the `.data` file; `nil` leaves `StorageFileSignature` as it is.
    ///   - metaData: makes the detached signature of the text that it is given, ``textForSignature`` of the result.
    /// - Throws: what `metaData` throws; `damaged` when it gives no bytes.
    package func signed(
        storageFile: [UInt8]?, metaData: (String) throws(BackupError) -> [UInt8]
    ) throws(BackupError) -> ElementMetadata {
        var object = object
        if let storageFile { object["StorageFileSignature"] = .string(Base64.encode(storageFile)) }
        let signature = try metaData(try ElementMetadata(object).textForSignature)
        guard !signature.isEmpty else { throw .metadata("MetaDataSignature would be empty") }
        object["MetaDataSignature"] = .string(Base64.encode(signature))
        return try ElementMetadata(object)
    }
}
