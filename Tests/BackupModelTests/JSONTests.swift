import BackupModel
import Testing

struct JSONTests {
    private func refusal(_ text: String, _ limits: JSONParser.Limits = .init()) throws -> BackupError {
        try #require(throws: BackupError.self) { try JSONParser.parse(text, limits: limits) }
    }

    /// The expected text is what Python's `json.dumps(value, sort_keys=True)` printed.
    @Test func canonicalFormIsThatOfPython() throws {
        let value: JSONValue = .object([
            "b": .integer(1),
            "a": .array([
                .integer(1), .number("2.5"), .null, .bool(true), .string("é\u{7f}\u{2028}😀\"\\/\u{8}\u{c}\n\r\t\u{1}"),
            ]),
            "é": .object([:]), "A": .array([]), "\u{ffff}": .integer(0), "\u{10000}": .integer(0),
        ])
        let expected =
            #"{"A": [], "a": [1, 2.5, null, true, "\u00e9\u007f\u2028\ud83d\ude00\"\\/\b\f\n\r\t\u0001"], "b": 1, "#
            + #""\u00e9": {}, "\uffff": 0, "\ud800\udc00": 0}"#
        #expect(value.canonicalText == expected)
        #expect(try JSONParser.parse(expected) == value)
        #expect(try JSONParser.parse(value.compactText) == value)
        #expect(!value.compactText.contains(" "))
    }

    @Test(arguments: originalInfoFiles)
    func originalFilesComeBackByteForByte(_ text: String) throws {
        #expect(try JSONParser.parse(text).canonicalText == text)
    }

    @Test(arguments: ["0", "-0", "1e3", "1E+400", "-12.50", "123456789012345678901234567890", "0.1e-7"])
    func numbersKeepTheirText(_ number: String) throws {
        #expect(try JSONParser.parse(" [\(number)]\n").canonicalText == "[\(number)]")
    }

    @Test func integersAreOnlyWhatFits() throws {
        #expect(try JSONParser.parse("9223372036854775807").integerValue == .max)
        for text in ["9223372036854775808", "1.0", "1e3", "\"1\"", "true"] {
            #expect(try JSONParser.parse(text).integerValue == nil, "\(text)")
        }
    }

    @Test(arguments: [
        ("", 0), (" ", 1), ("{", 1), ("[1,]", 3), ("[1 2]", 3), ("{\"a\":1,}", 7), ("{\"a\" 1}", 5), ("{a:1}", 1),
        ("01", 1), ("-", 1), ("1.", 2), (".5", 0), ("1e", 2), ("+1", 0), ("0x10", 1), ("NaN", 0), ("Infinity", 0),
        ("tru", 3), ("trux", 0), ("nullnull", 4), ("[] []", 3), ("'a'", 0), ("\"a", 2), ("\"\\x\"", 2),
        ("\"\\u12\"", 6),
        ("\"\\u12g4\"", 5), ("\"a\nb\"", 2), ("\"\\\"", 3), ("\u{feff}{}", 0), ("[", 1), ("]", 0), ("{\"a\":}", 5),
    ])
    func malformedTextNamesItsByte(_ text: String, _ offset: Int) throws {
        let error = try refusal(text)
        #expect(error.code == .damaged)
        #expect(error.message.hasSuffix("at byte \(offset)"), "\(error.message)")
    }

    @Test(arguments: [
        #""\ud83d""#, #""\ude00""#, #""\ud83dx""#, #""\ud83d\n""#, #""\ud83d\ud83d""#, #""\ude00\ud83d""#,
        #""\ud83d\u"#,
    ])
    func halvesOfSurrogatePairs(_ text: String) throws {
        #expect(try refusal(text).code == .damaged)
    }

    @Test func escapes() throws {
        #expect(try JSONParser.parse(#""\ud83d\uDE00\u00e9\/\b\f\n\r\t\"\\""#).stringValue == "😀é/\u{8}\u{c}\n\r\t\"\\")
        #expect(try JSONParser.parse(#""\u0000""#).stringValue == "\0")
    }

    @Test(
        arguments: [
            [0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80], [0xe2, 0x82],
        ] as [[UInt8]])
    func invalidUTF8(_ bytes: [UInt8]) throws {
        let quote = UInt8(ascii: "\"")
        for text in [[quote] + bytes + [quote], Array("\"\\n".utf8) + bytes + [quote], bytes] {
            let error = try #require(throws: BackupError.self) { try JSONParser.parse(text) }
            #expect(error.code == .damaged)
        }
    }

    @Test func keysStandOnlyOnce() throws {
        let error = try refusal(#"{"a": 1, "b": 2, "\u0061": 3}"#)
        #expect(error.message.contains("\"a\" stands twice at byte 17"))
        #expect(try JSONParser.parse(#"{"a": {"a": 1}}"#).canonicalText == #"{"a": {"a": 1}}"#)
    }

    @Test func manyBracketsNeitherCrashNorPass() throws {
        for bracket in ["[", "{\"a\":"] {
            let text = String(repeating: bracket, count: 10_000_000 / bracket.utf8.count)
            #expect(try refusal(text).message.contains("limit of 1048576"))
            #expect(try refusal(text, .init(size: 1 << 24)).message.contains("more than 32 levels"))
        }
    }

    @Test func depthAndSizeAtTheirLimits() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try JSONParser.parse(nested(5), limits: .init(depth: 5)).canonicalText == nested(5))
        #expect(try refusal(nested(6), .init(depth: 5)).message.contains("more than 5 levels"))
        // Depth is of what is inside each other, not of what stands side by side.
        #expect(throws: Never.self) { try JSONParser.parse("[[],[],{},[{}]]", limits: .init(depth: 3)) }
        #expect(throws: Never.self) { try JSONParser.parse("[1]", limits: .init(size: 3)) }
        #expect(try refusal("[1] ", .init(size: 3)).code == .damaged)
    }

    @Test func textCutAnywhereIsRefused() throws {
        let text = #"{"a": [1, "x\n\u00e9", {"b": null}], "c": true}"#
        for length in 0..<text.utf8.count {
            #expect(throws: BackupError.self) { try JSONParser.parse(Array(text.utf8.prefix(length))) }
        }
    }

    @Test func messagesHideControlCharacters() throws {
        let error = try refusal("{\"\\u001b[31m\":1,\"\\u001b[31m\":2}")
        #expect(!error.message.contains("\u{1b}"))
        #expect(error.message.contains("\\u{1b}"))
    }
}

struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectorsOfTheStandard(_ plain: String, _ text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
    }

    @Test func everyByteAndLength() {
        let all = (0...255).map { UInt8($0) }
        for length in 0...256 {
            let bytes = Array(all.reversed().prefix(length))
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        #expect(Base64.encode([0xfb, 0xff, 0xbf]) == "+/+/")
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "=", "==", "====", "A===", "Zm9v\n", " Zm9v", "Zm-_", "Zm9é",
        "Z=g=",
    ])
    func whatIsNoBase64(_ text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
