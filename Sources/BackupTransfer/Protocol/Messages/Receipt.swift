package import BackupModel

/// What a holder signs when it has stored an element durably.
///
/// As with ``ElementMetadata``, what was read is kept as it was written, keys that we do not know included, so that a
/// signature stays valid.
package struct Receipt: Sendable, Equatable {
    /// `DataUuid` of the element, if it has one.
    package let dataUUID: ElementUUID?
    /// The SHA-512 of its data, 64 bytes.
    package let sha512: [UInt8]
    /// Bytes of its data, 0 or more.
    package let size: Int64
    /// Who holds it: 1 to 256 bytes without control characters.
    package let holder: String
    /// When it was durable.
    package let syncedAt: Timestamp
    /// Detached binary OpenPGP signature of ``signedText``, 1 to 65536 bytes.
    package var signature: [UInt8]?

    /// The whole object, less the signature.
    private let object: JSONObject

    package init(
        dataUUID: ElementUUID?, sha512: [UInt8], size: Int64, holder: String, syncedAt: Timestamp,
        signature: [UInt8]? = nil
    ) {
        self.dataUUID = dataUUID
        self.sha512 = sha512
        self.size = size
        self.holder = holder
        self.syncedAt = syncedAt
        self.signature = signature
        object = [
            "DataUuid": JSONValue(dataUUID?.base64), "Sha512": .string(Base64.encode(sha512)), "Size": .integer(size),
            "Holder": .string(holder), "SyncedAt": .integer(syncedAt.seconds),
        ]
    }

    /// - Throws: `BackupError` with code `untrusted`.
    package init(json: JSONValue) throws(BackupError) {
        let reader = MessageReader(message: "a receipt")
        var object = try reader.object(json)
        switch object["DataUuid"] {
        case nil, .null: dataUUID = nil
        case let value: dataUUID = ElementUUID(try reader.binary(value, "DataUuid", bytes: 1...256))
        }
        sha512 = try reader.binary(object["Sha512"], "Sha512", bytes: 64...64)
        size = try reader.integer(object["Size"], "Size", in: 0...Int64.max)
        holder = try reader.text(object["Holder"], "Holder", .line(256))
        syncedAt = Timestamp(try reader.integer(object["SyncedAt"], "SyncedAt", in: MessageReader.seconds))
        switch object["Signature"] {
        case nil, .null: signature = nil
        case let value: signature = try reader.binary(value, "Signature", bytes: 1...65536)
        }
        object["Signature"] = nil
        self.object = object
    }

    /// What is signed: the canonical form of the object without `Signature`.
    package var signedText: String { JSONValue.object(object).canonicalText }

    package var json: JSONValue {
        var object = object
        object["Signature"] = JSONValue(signature.map { Base64.encode($0) })
        return .object(object)
    }
}
