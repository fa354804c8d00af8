import BackupConfig
import BackupModel
import BackupTestKit
import Testing

/// Files that nobody writes by mistake: they must be refused soon, with a short message, and never crash.
@Suite struct HostileFilesTests {
    private static let mebibyte = 1 << 20

    private func error(_ text: String) throws -> String { try TemporaryConfiguration(main: text).mainError() }

    @Test(arguments: ["[", "{", "- ", "? ", "[{", "{a: ", "{? ", "a: [", "[]"])
    func endlessNesting(piece: String) throws {
        let text = String(repeating: piece, count: Self.mebibyte / piece.utf8.count)
        #expect(try error(text).utf8.count < 500)
    }

    @Test func nestingByIndentation() throws {
        let lines = (0..<900).map { String(repeating: " ", count: $0) + "a:" }
        #expect(try error(lines.joined(separator: "\n")).contains("nested too deeply"))
    }

    @Test(arguments: ["[", "{a: "]) func nestingThatIsClosedAgain(open: String) throws {
        let close = open == "[" ? "]" : "}"
        let text = String(repeating: open, count: 900) + "1" + String(repeating: close, count: 900)
        #expect(try error("a: " + text).contains("nested too deeply"))
    }

    /// Nine levels of nine aliases are 387 million nodes; as a key they would have to be hashed one by one.
    @Test(arguments: ["value: *z9\n", "? *z9\n: value\n", "*z9 : value\n", "{ *z9 : 1, *z9 : 2 }\n", "<<: *z9\n"])
    func aliasBombs(last: String) throws {
        var text = "- &z0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            text += "- &z\(level) [" + Array(repeating: "*z\(level - 1)", count: 9).joined(separator: ", ") + "]\n"
        }
        let lines = last.split(separator: "\n")
        text += "- " + lines.joined(separator: "\n  ") + "\n"
        #expect(try error(text).contains("ETC/config:2:8: YAML anchors (&name) and aliases (*name) are not taken"))
    }

    @Test func aLongListThatEachKeyRepeats() throws {
        let list = "- &a [" + String(repeating: "x,", count: 200_000) + "x]\n- "
        let text = list + "{" + String(repeating: "*a : 1, ", count: 50_000) + "}\n"
        #expect(try error(text).contains("YAML anchors"))
    }

    @Test func aMapWithVeryManyKeysGivesAFewErrors() throws {
        let text = TemporaryConfiguration.plainMain + (0..<30_000).map { "unknown\($0): 1\n" }.joined()
        let error = try error(text)
        #expect(error.hasPrefix("20 errors in ETC/config:\n"))
        #expect(error.utf8.count < 10_000)
    }

    @Test func aHugeKeyAndAHugeValueAreCutInTheMessage() throws {
        let huge = String(repeating: "x", count: Self.mebibyte / 2)
        #expect(try error(TemporaryConfiguration.plainMain + "? \(huge)\n: 1\n").utf8.count < 1000)
        #expect(try error(TemporaryConfiguration.plainMain + "general: { test_mode: \(huge) }\n").utf8.count < 1000)
        #expect(try error("pipeline: { encryption: none, stall_timeout: 1\(huge) }\n").utf8.count < 1000)
    }

    @Test func aFileAboveOneMebibyteIsRefused() throws {
        let start = TemporaryConfiguration.plainMain
        let filling = Self.mebibyte - start.utf8.count - 1
        let largest = start + "#" + String(repeating: "x", count: filling)
        #expect(try TemporaryConfiguration(main: largest).load().units.isEmpty)
        #expect(
            try error(largest + "x") == "ETC/config:1:1: the file is larger than 1 MiB, which no configuration is; "
                + "was another file put here by mistake?")
    }

    private static let notUTF8: [([UInt8], String)] = [
        ([0x61, 0x3a, 0x20, 0x62, 0x0a, 0x63, 0x3a, 0x20, 0xc3, 0xa9, 0xff], "2:5"),
        ([0xc3, 0x28], "1:1"),
        ([0xc3, 0xa9, 0x0a, 0xed, 0xa0, 0x80], "2:1"),
        ([0x61, 0x3a, 0x20, 0xc3, 0xa9, 0xe2, 0x82], "1:5"),
    ]

    @Test(arguments: notUTF8)
    func whatIsNoUTF8(bytes: [UInt8], place: String) throws {
        let directory = try TemporaryConfiguration(main: nil)
        try directory.write("etc/config", bytes: bytes)
        #expect(try directory.mainError() == "ETC/config:\(place): the file is not valid UTF-8")
    }

    @Test func randomBytesNeverCrash() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("ab:- \n\t[]{},&*!|>'\"\\%@#?~<=.0".utf8) + [0xc3, 0xa9]
        let directory = try TemporaryConfiguration(main: nil)
        for _ in 0..<3000 {
            let length = Int.random(in: 0...40, using: &generator)
            let bytes = (0..<length).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            try directory.write("etc/config", bytes: bytes)
            let error = try #require(throws: BackupError.self, "seed \(seed)") { try directory.load() }
            try #require(error.code == .configuration, "seed \(seed)")
        }
    }

    /// A wrong byte anywhere in a good file gives either a configuration or an error with a place, never a crash.
    @Test func oneWrongByteInAGoodFile() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let good = Array(MainConfigurationTests.everything.utf8)
        let directory = try TemporaryConfiguration(main: nil)
        for index in good.indices {
            var bytes = good
            bytes[index] = UInt8.random(in: 0 ... .max, using: &generator)
            try directory.write("etc/config", bytes: bytes)
            do {
                _ = try directory.load()
            } catch {
                try #require(error.code == .configuration, "seed \(seed)")
                try #require(error.description.contains(directory.directory + "/config:"), "seed \(seed)")
            }
        }
    }
}
