import BackupModel
import Testing

struct ElementMetadataTests {
    private func parse(_ text: String) throws(BackupError) -> ElementMetadata {
        try ElementMetadata(parsing: Array(text.utf8))
    }

    @Test(arguments: originalInfoFiles)
    func originalFiles(_ text: String) throws {
        let metadata = try parse(text)
        #expect(metadata.text == text)
        #expect(metadata.checksum?.count == 64)
        #expect(metadata.uuid?.bytes.count == 64)
        #expect(metadata.pipeline == nil && metadata.origin == nil)
        #expect((1_795_220_058...1_795_220_060).contains(metadata.timestamp.seconds))
    }

    @Test func chainOfTheOriginal() throws {
        let elements = try originalInfoFiles.map { try parse($0) }
        let increment = try #require(elements.first { $0.type == .inc })
        #expect(elements.contains { $0.type == .full && $0.uuid == increment.predecessor })
        #expect(increment.handlingPolicies == ["default"])
    }

    @Test func unknownKeysAndNumbersAreKept() throws {
        let text =
            #"{"BackupType": "full", "MetaDataSignature": null, "Pipeline": [{"Extra": 1.50, "Restore": ["#
            + #""zstd", "-dc"], "Stage": "zstd", "Version": "1.5.4"}], "Timestamp": 0, "X": {"a": 1e3, "b": [-0]}}"#
        let metadata = try parse(text)
        #expect(metadata.text == text)
        let stage = try #require(metadata.pipeline?.first)
        #expect(stage.restore == ["zstd", "-dc"] && stage.version == "1.5.4")
        #expect(stage.other["Extra"] == .number("1.50"))
    }

    @Test(arguments: [
        ("", "JSON"), ("[]", "no object"), ("{}", "BackupType"),
        (#"{"BackupType": "FULL", "Timestamp": 1}"#, "BackupType"),
        (#"{"BackupType": 1, "Timestamp": 1}"#, "BackupType"), (#"{"BackupType": "inc"}"#, "Timestamp"),
    ])
    func whatIsMandatory(_ text: String, _ words: String) throws {
        let error = try #require(throws: BackupError.self) { try parse(text) }
        #expect(error.code == .damaged)
        #expect(error.message.contains(words), "\(error.message)")
    }

    @Test(arguments: [
        ("Timestamp", "\"1\""), ("Timestamp", "-1"), ("Timestamp", "1.0"), ("Timestamp", "null"),
        ("Timestamp", "253402300800"), ("Timestamp", "99999999999999999999"), ("DataUuid", "1"), ("DataUuid", "\"\""),
        ("DataUuid", "\"x\""), ("DataUuid", "[]"), ("Predecessor", "{}"), ("Predecessor", "\"AA\""),
        ("HandlingPolicy", "\"default\""), ("HandlingPolicy", "[1]"), ("HandlingPolicy", "[\"\"]"),
        ("HandlingPolicy", "[\"a\\nb\"]"), ("HandlingPolicy", "[\"a_b\"]"), ("StorageFileChecksumSha512", "\"AAAA\""),
        ("StorageFileChecksumSha512", "1"), ("StorageFileSignature", "\"*\""), ("MetaDataSignature", "7"),
        ("TransferAttributes", "[]"), ("Pipeline", "{}"), ("Pipeline", "[1]"), ("Pipeline", "[{}]"),
        ("Pipeline", #"[{"Stage": "x", "Restore": []}]"#), ("Pipeline", #"[{"Stage": "x", "Restore": ["a", 1]}]"#),
        ("Pipeline", #"[{"Stage": "x", "Restore": "zstd"}]"#), ("Origin", "[]"), ("Origin", "\"x\""),
    ])
    func wrongTypes(_ key: String, _ value: String) throws {
        let timestamp = key == "Timestamp" ? "" : #", "Timestamp": 1"#
        let error = try #require(throws: BackupError.self) {
            try parse(#"{"BackupType": "full"\#(timestamp), "\#(key)": \#(value)}"#)
        }
        #expect(error.code == .damaged)
        let subject = value.contains("Restore") ? "Restore" : key
        #expect(error.message.contains(subject), "\(error.message)")
    }

    @Test func tooLarge() throws {
        let padding = String(repeating: "x", count: ElementMetadata.maximumSize)
        let error = try #require(throws: BackupError.self) {
            try parse(#"{"BackupType": "full", "Timestamp": 1, "X": "\#(padding)"}"#)
        }
        #expect(error.code == .damaged)
    }

    @Test func newElementIsReadBack() throws {
        let uuid = try #require(ElementUUID([UInt8](repeating: 1, count: 64)))
        let stages = [
            StageRecord(stage: "zstd", restore: ["zstd", "-dc"], version: "1.5.4", other: ["Level": .integer(3)]),
            StageRecord(stage: "process", restore: nil),
        ]
        let made = ElementMetadata(
            type: .inc, timestamp: Timestamp(1_795_220_058), uuid: uuid, predecessor: uuid,
            handlingPolicies: ["default", "keep-until 2030"], checksum: [UInt8](repeating: 2, count: 64),
            pipeline: stages, origin: ElementOrigin(machine: nil, unit: "Root", software: "gb é"))
        let read = try parse(made.text)
        #expect(read == made)
        #expect(read.pipeline == stages)
        #expect(read.origin?.software == "gb é" && read.origin?.machine == nil)
        #expect(made.text.utf8.allSatisfy { (0x20..<0x7f).contains($0) })
    }
}

struct ChainInputTests {
    @Test func isWhatTheFormatSays() throws {
        let checksum = [UInt8](repeating: 2, count: 64)
        let text = Array("1795220058 /host1/root".utf8)
        func input(_ predecessor: ElementUUID?) throws -> [UInt8] {
            ElementUUID.chainInput(
                predecessor: predecessor, checksum: checksum, timestamp: Timestamp(1_795_220_058),
                source: try SourceURL("/host1/root"))
        }
        #expect(try input(nil) == checksum + text)
        #expect(try input(ElementUUID([1, 2, 3])) == [1, 2, 3] + checksum + text)
    }
}

struct EscapedTextTests {
    @Test func hostileTextCannotForgeLines() {
        #expect("a\nb\r\t\"\u{1b}[0m\u{9b}\0".escapedForMessage == "a\\nb\\r\\t\\\"\\u{1b}[0m\\u{9b}\\u{0}")
        #expect(String(repeating: "x", count: 1000).escapedForMessage == String(repeating: "x", count: 200) + "…")
        #expect("a\u{202e}b\u{2028}c\u{2066}".escapedForMessage == "a\\u{202e}b\\u{2028}c\\u{2066}")
    }

    @Test func errorsReadAsOneSentence() {
        let cause = BackupError(.noSpace, "no space is left", remedy: "free some")
        let error = BackupError(.failed, "the run failed", cause: cause)
        #expect(error.description == "the run failed: no space is left; free some")
        #expect(error.firstRemedy == "free some")
    }
}
