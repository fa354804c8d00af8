import BackupModel
import BackupTestKit
import Testing

struct SourceURLTests {
    @Test(arguments: [
        ("/root", "", "root"), ("/host1/root", "host1", "root"), ("/host1/var/log/syslog", "host1/var/log", "syslog"),
        ("/a-b/c_d.%41/...", "a-b/c_d.%41", "..."), ("/0/-", "0", "-"), ("/.hidden", "", ".hidden"),
    ])
    func valid(_ text: String, _ directory: String, _ last: String) throws {
        let source = try SourceURL(text)
        #expect(source.description == text)
        #expect(source.directory == directory)
        #expect(source.lastPart == last)
        #expect("/" + source.parts.joined(separator: "/") == text)
        #expect("/" + source.relativePath == text)
    }

    @Test(arguments: [
        ("", "empty", 1), ("root", "does not begin", 1), ("/", "ends with", 1), ("/a/", "ends with", 3),
        ("//a", "two slashes", 1), ("/a//b", "two slashes", 3), ("/a/../b", "\"..\"", 4), ("/.", "\".\"", 2),
        ("/a/.", "\".\"", 4), ("/a/./b", "\".\"", 4), ("/a b", "' '", 3), ("/ä", "'ä'", 2), ("/a\nb", "'\\n'", 3),
        ("/a\0", "\\u{0}", 3), ("/a:b", "':'", 3), ("/a\\b", "'\\'", 3), ("/e\u{301}", "not allowed", 3),
        ("/a/\u{301}b", "not allowed", 4),
    ])
    func invalid(_ text: String, _ words: String, _ position: Int) throws {
        let error = try #require(throws: BackupError.self) { try SourceURL(text) }
        #expect(error.code == .invalidValue)
        #expect(error.message.contains(words), "\(error.message)")
        #expect(error.message.hasSuffix("at position \(position)"), "\(error.message)")
        #expect(!error.description.contains("\n"))
    }

    @Test func lengths() throws {
        let part = String(repeating: "x", count: SourceURL.maximumPartLength)
        #expect(throws: Never.self) { try SourceURL("/" + part) }
        #expect(throws: BackupError.self) { try SourceURL("/" + part + "x") }
        let parts = String(repeating: "/" + part, count: SourceURL.maximumLength / (part.count + 1))
        #expect(throws: Never.self) { try SourceURL(parts) }
        #expect(throws: BackupError.self) { try SourceURL(parts + parts) }
    }
}

struct SourcePatternTests {
    @Test(arguments: [
        ("/host1", "/host1", true), ("/host1", "/host1/root", true), ("/host1", "/host10", false),
        ("/host1/", "/host1/root", true), ("/host1/", "/host10", false), ("/", "/a/b", true),
        ("/host1/*", "/host1/root", true), ("/host1/*", "/host1/var/log", false), ("/host1/**", "/host1/var/log", true),
        ("**/log", "/host1/var/log", true), ("**/log", "/host1/var/log/x", false), ("/h?st1/r*t", "/host1/root", true),
        ("/h?st1/root", "/hst1/root", false), ("/a?b", "/a/b", false), ("/*/root", "/host1/root", true),
        ("/*/root", "/root", false), ("/**x/*y", "/ax/bx/cy", true), ("/***", "/a/b", true), ("*", "/a", false),
        ("/*a*b", "/xaab", true), ("/*a*b", "/xa/b", false), ("/a*", "/a", true),
    ])
    func matches(_ pattern: String, _ source: String, _ expected: Bool) throws {
        #expect(try SourcePattern(pattern).matches(try SourceURL(source)) == expected)
    }

    @Test(arguments: ["", "host1", "?x", "\u{1b}"])
    func invalid(_ text: String) throws {
        let error = try #require(throws: BackupError.self) { try SourcePattern(text) }
        #expect(error.code == .invalidValue)
    }

    /// Against the definition, written down as recursion.
    @Test func agreesWithTheDefinition() throws {
        func naive(_ pattern: ArraySlice<Character>, _ text: ArraySlice<Character>) -> Bool {
            guard let first = pattern.first else { return text.isEmpty }
            if first == "*" {
                let isDeep = pattern.dropFirst().first == "*"
                let rest = pattern.drop { $0 == "*" }
                let behind = isDeep ? rest : pattern.dropFirst()
                for length in 0...text.count {
                    if !isDeep, text.prefix(length).contains("/") { break }
                    if naive(behind, text.dropFirst(length)) { return true }
                }
                return false
            }
            guard let character = text.first, first == character || first == "?" && character != "/" else {
                return false
            }
            return naive(pattern.dropFirst(), text.dropFirst())
        }
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let source = "/" + (0..<3).map { _ in String(random.pick("ab", 1...3)) }.joined(separator: "/")
            let pattern = "/" + random.pick("ab/**?", 1...8)
            guard pattern.contains("*") || pattern.contains("?") else { continue }
            let isMatch = try SourcePattern(pattern).matches(try SourceURL(source))
            #expect(
                isMatch == naive(Array(pattern)[...], Array(source)[...]), "seed \(seed): \(pattern) on \(source)")
        }
    }

    @Test(arguments: [
        ("/a/b", "/a", true), ("/a/b", "/a/b", true), ("/a/b", "/a/b/c", true), ("/a/b/", "/a/b", true),
        ("/a/b", "/a/bc", false), ("/a/b", "/b", false), ("/ab", "/a", false), ("/a/*", "/a", true),
        ("/a/*", "/a/b", true), ("/a/*", "/b", false), ("/a/b*", "/a/bc", true), ("/a/b*", "/a/c", false),
        ("/a?/x", "/ab", true), ("/a?/x", "/b", false), ("**/log", "/any/where", true), ("*", "/a", true),
    ])
    func whatLiesBelowMayMatch(_ pattern: String, _ source: String, _ expected: Bool) throws {
        #expect(try SourcePattern(pattern).mayMatch(atOrBelow: SourceURL(source)) == expected)
    }

    @Test func manyStarsAreNotSlow() throws {
        let pattern = "/" + String(repeating: "*a", count: 60) + "b"
        #expect(try !SourcePattern(pattern).matches(try SourceURL("/" + String(repeating: "a", count: 200))))
    }
}

extension SeededGenerator {
    /// A word of this alphabet.
    mutating func pick(_ alphabet: String, _ length: ClosedRange<Int>) -> String {
        let characters = Array(alphabet)
        return String(
            (0..<Int.random(in: length, using: &self)).map { _ in characters[Int(next() % UInt64(characters.count))] })
    }
}
