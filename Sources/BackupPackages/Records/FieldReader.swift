import BackupModel

/// Takes the known keys out of an object; what is left is unknown. A key that is missing and one that is `null` mean the same.
struct FieldReader {
    private(set) var rest: JSONObject

    init(_ object: JSONObject) { rest = object }

    private mutating func take(_ key: String) -> JSONValue? {
        guard let value = rest[key] else { return nil }
        rest[key] = nil
        return value.isNull ? nil : value
    }

    private mutating func take<Value>(
        _ key: String, _ form: String, _ convert: (JSONValue) -> Value?
    ) throws(BackupError) -> Value? {
        guard let value = take(key) else { return nil }
        guard let converted = convert(value) else { throw .packageLine("\(key) is not \(form)") }
        return converted
    }

    mutating func text(_ key: String) throws(BackupError) -> String? { try take(key, "a text", \.stringValue) }

    mutating func requiredText(_ key: String) throws(BackupError) -> String { try required(key, try text(key)) }

    mutating func integer(_ key: String) throws(BackupError) -> Int64? {
        try take(key, "an integer of 64 bits", \.integerValue)
    }

    /// An integer that is not below zero.
    mutating func count(_ key: String) throws(BackupError) -> Int64? {
        try take(key, "an integer, 0 or more") { $0.integerValue.flatMap { $0 >= 0 ? $0 : nil } }
    }

    mutating func bool(_ key: String) throws(BackupError) -> Bool? { try take(key, "true or false", \.boolValue) }

    /// From the year 1 to the year 9999: nobody has to be afraid of counting with it.
    mutating func time(_ key: String) throws(BackupError) -> Timestamp? {
        try take(key, "a number of seconds up to the year 9999") { value in
            value.integerValue.flatMap { (-62_135_596_800...253_402_300_799).contains($0) ? Timestamp($0) : nil }
        }
    }

    mutating func object(_ key: String) throws(BackupError) -> JSONObject? { try take(key, "an object", \.objectValue) }

    mutating func texts(_ key: String) throws(BackupError) -> [String]? {
        try take(key, "a list of texts") { value in
            guard let items = value.arrayValue else { return nil }
            let texts = items.compactMap(\.stringValue)
            return texts.count == items.count ? texts : nil
        }
    }

    mutating func choice<Value: RawRepresentable<String>>(
        _ key: String, _ type: Value.Type
    ) throws(BackupError) -> Value? {
        try take(key, "one of the known words") { $0.stringValue.flatMap { Value(rawValue: $0) } }
    }

    func required<Value>(_ key: String, _ value: Value?) throws(BackupError) -> Value {
        guard let value else { throw .packageLine("\(key) is missing") }
        return value
    }

    /// The version of the form. Newer ones are taken too: what they add is unknown keys.
    mutating func schema() throws(BackupError) -> Int {
        let value = try required("Schema", try integer("Schema"))
        guard (1...Int64(Int32.max)).contains(value) else { throw .packageLine("Schema \(value) is no version") }
        return Int(value)
    }

    /// Checks the key that tells the kinds of lines apart.
    mutating func expect(kind: String) throws(BackupError) {
        let found = try text("Kind")
        guard found == kind else {
            throw .packageLine("Kind is \"\(found?.escapedForMessage ?? "missing")\", not \"\(kind)\"")
        }
    }
}
