/// The metadata of an element, as its `.info` file holds it: one JSON object in canonical form.
///
/// What was read is kept as it was written, keys that we do not know and the text of numbers included, so that
/// writing it back gives the same bytes and signatures stay valid.
package struct ElementMetadata: Sendable, Hashable {
    /// The largest `.info` that is read, in bytes.
    package static let maximumSize = 1 << 20

    /// The whole object. Every typed property below is a view of it that was checked when it was made.
    package private(set) var object: JSONObject

    package let type: BackupType
    /// The time of the content.
    package let timestamp: Timestamp
    /// `DataUuid`: unique over all sources; part of the chain.
    package let uuid: ElementUUID?
    /// `Predecessor`: the UUID of the element before this one in its source.
    package let predecessor: ElementUUID?
    /// `HandlingPolicy`: what a holder should do with the element.
    package let handlingPolicies: [String]
    /// `StorageFileChecksumSha512`: 64 bytes, the SHA-512 of the `.data` file.
    package let checksum: [UInt8]?
    /// `StorageFileSignature`: detached binary OpenPGP signature of the `.data` file.
    package let storageFileSignature: [UInt8]?
    /// `MetaDataSignature`: detached binary OpenPGP signature of ``textForSignature``.
    package let metaDataSignature: [UInt8]?
    /// `Pipeline`: the stages in the order the data met them; `nil` for elements that do not say (the original's).
    package let pipeline: [StageRecord]?
    package let origin: ElementOrigin?

    /// The metadata of a new element.
    package init(
        type: BackupType, timestamp: Timestamp, uuid: ElementUUID, predecessor: ElementUUID?,
        handlingPolicies: [String], checksum: [UInt8], pipeline: [StageRecord], origin: ElementOrigin
    ) {
        self.type = type
        self.timestamp = timestamp
        self.uuid = uuid
        self.predecessor = predecessor
        self.handlingPolicies = handlingPolicies
        self.checksum = checksum
        storageFileSignature = nil
        metaDataSignature = nil
        self.pipeline = pipeline
        self.origin = origin
        var object: JSONObject = [
            "BackupType": .string(type.rawValue),
            "Timestamp": .integer(timestamp.seconds),
            "DataUuid": .string(uuid.base64),
            "StorageFileChecksumSha512": .string(Base64.encode(checksum)),
            "Pipeline": .array(pipeline.map(\.json)),
            "Origin": origin.json,
        ]
        object["Predecessor"] = predecessor.map { .string($0.base64) }
        if !handlingPolicies.isEmpty { object["HandlingPolicy"] = .array(handlingPolicies.map { .string($0) }) }
        self.object = object
    }

    /// Reads the bytes of an `.info` file.
    ///
    /// - Throws: `BackupError` with code `damaged`: not JSON, too large, a mandatory key missing, a wrong type.
    package init(parsing bytes: UnsafeRawBufferPointer) throws(BackupError) {
        let value = try JSONParser.parse(bytes, limits: .init(size: Self.maximumSize))
        guard let object = value.objectValue else { throw .metadata("it is no object") }
        try self.init(object)
    }

    package init(parsing bytes: [UInt8]) throws(BackupError) {
        let value = try JSONParser.parse(bytes, limits: .init(size: Self.maximumSize))
        guard let object = value.objectValue else { throw .metadata("it is no object") }
        try self.init(object)
    }

    /// Reads an object that was parsed already.
    ///
    /// - Throws: `BackupError` with code `damaged`: a mandatory key missing, a wrong type.
    package init(_ object: JSONObject) throws(BackupError) {
        self.object = object
        guard let typeText = object["BackupType"]?.stringValue, let type = BackupType(rawValue: typeText) else {
            throw .metadata("BackupType is missing or neither \"full\" nor \"inc\"")
        }
        self.type = type
        // Year 9999: what is later has no name in a storage.
        guard let seconds = object["Timestamp"]?.integerValue, (0...253_402_300_799).contains(seconds) else {
            throw .metadata("Timestamp is missing or no number of seconds from 1970 to the year 9999")
        }
        timestamp = Timestamp(seconds)
        uuid = try Self.uuid(object, "DataUuid")
        predecessor = try Self.uuid(object, "Predecessor")
        switch object["HandlingPolicy"] {
        case nil, .null: handlingPolicies = []
        case .array(let items):
            let names = items.compactMap(\.stringValue)
            guard names.count == items.count, names.allSatisfy(Self.isHandlingPolicy) else {
                throw .metadata("HandlingPolicy is no list of names of A-Z a-z 0-9 space . / -")
            }
            handlingPolicies = names
        default: throw .metadata("HandlingPolicy is no list")
        }
        checksum = try Self.binary(object, "StorageFileChecksumSha512")
        guard checksum == nil || checksum?.count == 64 else {
            throw .metadata("StorageFileChecksumSha512 is not 64 bytes long")
        }
        storageFileSignature = try Self.binary(object, "StorageFileSignature")
        metaDataSignature = try Self.binary(object, "MetaDataSignature")
        switch object["TransferAttributes"] {
        case nil, .null, .object: break
        default: throw .metadata("TransferAttributes is no object")
        }
        switch object["Pipeline"] {
        case nil, .null: pipeline = nil
        case .array(let items): pipeline = try Self.stages(items)
        default: throw .metadata("Pipeline is no list")
        }
        origin = try object["Origin"].map { value throws(BackupError) in try ElementOrigin(value) }
    }

    private static func stages(_ items: [JSONValue]) throws(BackupError) -> [StageRecord] {
        var stages: [StageRecord] = []
        for item in items { stages.append(try StageRecord(item)) }
        return stages
    }

    private static func uuid(_ object: JSONObject, _ key: String) throws(BackupError) -> ElementUUID? {
        guard let bytes = try binary(object, key) else { return nil }
        guard let uuid = ElementUUID(bytes) else { throw .metadata("\(key) is not 1 to 256 bytes long") }
        return uuid
    }

    private static func binary(_ object: JSONObject, _ key: String) throws(BackupError) -> [UInt8]? {
        switch object[key] {
        case nil, .null: return nil
        case .string(let text):
            guard let bytes = Base64.decode(text) else { throw .metadata("\(key) is not base64") }
            return bytes
        default: throw .metadata("\(key) is no string")
        }
    }

    /// Whether `name` may stand in `HandlingPolicy`: `A-Z a-z 0-9 space . / -`, not empty.
    package static func isHandlingPolicy(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: " "), UInt8(ascii: "."), UInt8(ascii: "/"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// The bytes of the `.info` file.
    package var text: String { JSONValue.object(object).canonicalText }
}

/// The value that chains elements: 64 bytes for those made by this toolkit and by the original.
package struct ElementUUID: Sendable, Hashable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// `nil` when `bytes` is empty or longer than 256.
    package init?(_ bytes: [UInt8]) {
        guard (1...256).contains(bytes.count) else { return nil }
        self.bytes = bytes
    }

    package init?(base64 text: String) {
        guard let bytes = Base64.decode(text) else { return nil }
        self.init(bytes)
    }

    package var base64: String { Base64.encode(bytes) }

    /// The first 12 characters of the base64 form: enough for people to tell elements apart.
    package var description: String { String(base64.prefix(12)) }
}
