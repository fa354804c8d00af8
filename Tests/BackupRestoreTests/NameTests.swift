import BackupModel
import BackupTestKit
import Testing

@testable import BackupRestore

/// Names come back byte by byte, whatever characters they are taken for.
@Suite(.timeLimit(.minutes(2))) struct NameTests {
    /// In ASCII, the first two would be one file, and so would the directories.
    static let names = [
        #"a"#, #"a\xf3\xa0\x81\x81"#, #"caf\xe9"#, #"\xc3\xa9"#, #"e\xcc\x81"#, #"d\xf3\xa0\x80\x81/a"#,
    ]

    @Test(arguments: ["posix", "gnu"]) func everyName(format: String) async throws {
        try await withTemporaryDirectory { place in
            let history = try TreeHistory(place)
            try shell("mkdir d $'d\\xf3\\xa0\\x80\\x81'", in: history.root)
            for (number, name) in Self.names.enumerated() {
                try shell("echo \(number) >$'\(name)'", in: history.root)
            }
            // The old form has no parts of seconds.
            try shell("find . -exec touch -d @1000 {} +", in: history.root)
            try history.backup(.full, format: format)
            try shell("rm a; echo new >>$'a\\xf3\\xa0\\x81\\x81'; find . -exec touch -d @2000 {} +", in: history.root)
            try history.backup(.inc, format: format)
            for (number, time) in history.times.enumerated() {
                let restored = try await history.restore.extract(try history.restore.plan(at: time), into: "t\(number)")
                #expect(treeDifferences(try contentsOfTree(restored), history.trees[number]) == [])
            }
            let one = try await history.restore.extract(
                try history.restore.plan(), into: "one", paths: ["a\u{E0041}"])
            #expect(place.names("one") == ["a\u{E0041}"], "\(one)")
        }
    }
}
