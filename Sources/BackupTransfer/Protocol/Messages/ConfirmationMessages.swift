package import BackupModel
package import NIOCore

/// The word of a receiver that it holds an element durably.
package struct ElementConfirmation: Sendable, Equatable {
    /// The ID of the listing.
    package let id: String
    /// The SHA-512 of the bytes that were stored, 64 bytes.
    package let sha512: [UInt8]
    package let receipt: Receipt?

    package init(id: String, sha512: [UInt8], receipt: Receipt? = nil) {
        self.id = id
        self.sha512 = sha512
        self.receipt = receipt
    }

    init(_ value: JSONValue, _ reader: MessageReader, _ limits: ProtocolLimits) throws(BackupError) {
        let object = try reader.object(value, "a confirmation")
        id = try reader.text(object["id"], "id", .identifier(limits.idLength))
        sha512 = try reader.binary(object["sha512"], "sha512", bytes: 64...64)
        receipt = try reader.optionalObject(object["receipt"], "receipt").map { object throws(BackupError) in
            try Receipt(json: .object(object))
        }
    }

    var json: JSONValue {
        .object([
            "id": .string(id), "sha512": .string(Base64.encode(sha512)), "receipt": receipt?.json ?? .null,
        ])
    }
}

/// The answer to `confirmElements`: what the sender did with each element.
package struct ConfirmationAnswer: Sendable, Equatable {
    /// IDs of elements that the sender holds no longer.
    package let released: [String]
    /// IDs of elements that the sender keeps.
    package let kept: [String]

    package init(released: [String], kept: [String]) {
        self.released = released
        self.kept = kept
    }

    /// - Throws: `BackupError` with code `untrusted`.
    package init(parsing bytes: ByteBuffer, limits: ProtocolLimits = ProtocolLimits()) throws(BackupError) {
        let reader = MessageReader(message: "the answer to confirmElements")
        let object = try reader.object(try reader.json(bytes, limits: limits))
        let form = TextForm.identifier(limits.idLength)
        released = try reader.texts(object["released"], "released", form)
        kept = try reader.texts(object["kept"], "kept", form)
    }

    package var encoded: ByteBuffer {
        let object: JSONObject = [
            "released": .array(released.map { .string($0) }), "kept": .array(kept.map { .string($0) }),
        ]
        return JSONValue.object(object).frame
    }
}
