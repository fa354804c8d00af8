import BackupConfig
import BackupModel
import Foundation
import Testing

@testable import BackupUnits

/// What programs answer and say: each lie has a test that names it.
@Suite struct ProgramAnswerTests {
    private static let now = Timestamp(1_795_220_058)

    private func plan(_ text: String, prefix: String? = "/h") throws -> ProgramPlan {
        try ProgramPlan(parsing: Array(text.utf8), prefix: prefix.map { try SourceURL($0) }, now: Self.now)
    }

    private func source(_ more: String) -> String { #"{"sources": [{"source": "/h/a", \#(more)}]}"# }

    @Test func plansInBothForms() throws {
        let plan = try plan(
            #"""
            {"notes": ["a\u001b"], "sources": [
             {"source": "/h/a", "type": "inc", "due": 1795220058, "reason": "new rows", "format": "append"},
             {"source": "/h", "full_timing": {"min": "6d20h", "max": "7d4h", "every": "7d", "offset": "2h"},
              "inc_timing": {"min": "0s", "max": "1d"}},
             {"source": "/h/c", "full_timing": {"min": "1d", "max": "1d"}, "inc_timing": null}]}
            """#)
        #expect(plan.notes == ["a\\u{1b}"])
        let first = try #require(plan.sources[try SourceURL("/h/a")])
        #expect(first.when == .due(Self.now, .inc) && first.reason == "new rows" && first.format == .append)
        #expect(
            plan.sources[try SourceURL("/h")]?.when
                == .timing(
                    full: weekly,
                    inc: TimingSetting(
                        minimum: .zero, maximum: TimeSpan(seconds: 86400), modulus: nil, offset: .zero)))
        #expect(plan.sources[try SourceURL("/h/c")]?.format == .bytes)
        #expect(try self.plan(#"{"sources": []}"#).sources.isEmpty)
    }

    @Test(arguments: [
        ("", "not JSON"), ("{\"sources\": [}", "not JSON"), ("[]", "a list, expected an object"),
        ("{}", "\"sources\" is missing"), (#"{"sources": {}}"#, "\"sources\" is an object, expected a list"),
        (#"{"sources": [], "sourcs": []}"#, "the key \"sourcs\" is not one of protocol 1"),
        (#"{"sources": [7]}"#, "sources[0] is 7, expected an object"),
        (#"{"sources": [{"type": "full", "due": 0}]}"#, "sources[0].source is missing"),
        (#"{"sources": [{"source": "/h/../etc", "type": "full", "due": 0}]}"#, "sources[0].source: "),
        (#"{"sources": [{"source": "/other/a", "type": "full", "due": 0}]}"#, "/other/a does not lie in /h"),
        (#"{"sources": [{"source": "/hh", "type": "full", "due": 0}]}"#, "/hh does not lie in /h"),
        (
            #"{"sources": [{"source": "/h/a", "type": "full", "due": 0}, {"source": "/h/a", "type": "inc", "due": 1}]}"#,
            "the source /h/a stands in it twice"
        ),
        (#"{"sources": [], "notes": [1]}"#, "\"notes\" is a list"),
    ])
    func wholePlansThatAreWrong(text: String, words: String) {
        expectError(.damaged, mentions: [words, "own-units.md"].filter { !words.contains("lie in") || $0 == words }) {
            try plan(text)
        }
    }

    @Test(arguments: [
        (#""type": "full""#, "sources[0].due is missing"), (#""due": 5"#, "sources[0].type is missing"),
        (#""type": "half", "due": 5"#, "sources[0].type is \"half\""),
        (#""type": "full", "due": "now""#, "sources[0].due is \"now\""),
        (#""type": "full", "due": -1"#, "before 1970"),
        (#""type": "full", "due": 1795220058000"#, "are these milliseconds?"),
        (#""type": "full", "due": 1.5"#, "sources[0].due is 1.5"),
        (#""type": "full", "due": 1, "full_timing": {"min": "1d", "max": "1d"}"#, "either \"type\" and \"due\""),
        (#""reason": "x""#, "either \"type\" and \"due\""),
        (#""type": "full", "due": 1, "due_time": 2"#, "sources[0].due_time"),
        (#""type": "full", "due": 1, "format": "zip""#, "sources[0].format is \"zip\""),
        (#""type": "full", "due": 1, "reason": 3"#, "sources[0].reason is 3"),
        (#""inc_timing": {"min": "1d", "max": "1d"}"#, "full_timing is missing"),
        (#""full_timing": {"min": "1d"}"#, "needs \"min\" and \"max\""),
        (#""full_timing": {"min": "2d", "max": "1d"}"#, "min <= max"),
        (#""full_timing": {"min": "5m", "max": "1d"}"#, "min is \"5m\""),
        (#""full_timing": {"min": "1d", "max": "1d", "offset": "1h"}"#, "offset must be less"),
        (#""full_timing": {"min": "1d", "max": "1d", "evry": "1h"}"#, "full_timing.evry"),
        (#""full_timing": 5"#, "full_timing is 5"),
    ])
    func sourcesThatAreWrong(keys: String, words: String) {
        expectError(.damaged, mentions: [words]) { try plan(source(keys)) }
    }

    @Test func plansAreBounded() {
        let many = (0...ProgramPlan.maximumSources).map { #"{"source": "/h/\#($0)", "type": "full", "due": 0}"# }
        expectError(.damaged, mentions: ["more than 10000"]) {
            try plan(#"{"sources": [\#(many.joined(separator: ","))]}"#)
        }
        expectError(.damaged, mentions: ["longer than"]) {
            try ProgramPlan(parsing: [UInt8](repeating: 0x20, count: (1 << 20) + 1), prefix: nil, now: Self.now)
        }
        let deep = String(repeating: "[", count: 100)
        expectError(.damaged, mentions: ["not JSON"]) { try plan(deep) }
    }

    @Test func descriptions() throws {
        func describe(_ text: String) throws -> ProgramDescription { try ProgramDescription(parsing: Array(text.utf8)) }
        #expect(try describe(#"{"protocol": 1, "name": "a", "version": "2"}"#).version == "2")
        expectError(.configuration, mentions: ["version 2 of the protocol", "update gb"]) {
            // What another version says besides is not judged.
            try describe(#"{"protocol": 2, "more": 1}"#)
        }
        expectError(.configuration, mentions: ["version 0", "newer version of the program"]) {
            try describe(#"{"protocol": 0}"#)
        }
        for (text, words) in [
            ("{}", "\"protocol\" is missing"), (#"{"protocol": "1"}"#, "expected a whole number"),
            (#"{"protocol": 1}"#, "\"name\" is missing"), (#"{"protocol": 1, "name": 5}"#, "name is 5"),
            (#"{"protocol": 1, "name": "a", "nam": 5}"#, "\"nam\""),
        ] {
            expectError(.damaged, mentions: [words]) { try describe(text) }
        }
    }

    /// What the document shows is what is understood here.
    @Test func theExamplesOfTheDocumentAreTaken() throws {
        let path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let text = try String(contentsOfFile: path + "/doc/own-units.md", encoding: .utf8)
        let blocks = text.components(separatedBy: "```json\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
        try #require(blocks.count == 3)
        #expect(try ProgramDescription(parsing: Array(blocks[0].utf8)).version == "2.1")
        let plan = try plan(blocks[1], prefix: "/host1/db")
        #expect(plan.sources.count == 2 && plan.notes.count == 1)
        let kinds = blocks[2].split(separator: "\n").map(String.init)
        let content = try say(kinds, planned: .inc)
        #expect(content.end != nil && content.isFull && content.hint != nil && content.state != nil)
        #expect(kinds.count == 7, "all kinds of messages")
    }

    // MARK: - Descriptor 3

    private func say(_ lines: [String], planned: BackupType = .full) throws -> ProgramMessages.Content {
        let messages = ProgramMessages(planned: planned)
        for line in lines { try messages.take(Array(line.utf8)) }
        return messages.content
    }

    @Test func messages() throws {
        let content = try say(
            [
                #"{"kind": "note", "text": "one\ntwo"}"#,
                #"{"kind": "progress", "done": 3, "total": 10, "text": "tables"}"#,
                #"{"kind": "state", "state": {"a": 1}}"#, #"{"kind": "state", "state": {"a": 2.50}}"#,
                #"{"kind": "policies", "policies": ["keep-long"]}"#, #"{"kind": "type", "type": "full"}"#,
                #"{"kind": "restore", "text": "psql"}"#, #"{"kind": "end", "bytes": 7}"#,
            ], planned: .inc)
        #expect(content.notes == ["one\\ntwo"])
        #expect(content.progress == "3 of 10 tables")
        #expect(content.state == .object(["a": .number("2.50")]), "the last one counts, as it was written")
        #expect(content.policies == ["keep-long"] && content.isFull && content.hint == "psql" && content.end == 7)
        let many = try say((0..<150).map { #"{"kind": "note", "text": "\#($0)"}"# })
        #expect(many.notes.count == 100 && many.droppedNotes == 50)
    }

    @Test(arguments: [
        ("hello", "not JSON"), ("[1]", "without a text \"kind\""), (#"{"text": "x"}"#, "without a text \"kind\""),
        (#"{"kind": "nte", "text": "x"}"#, "which protocol 1 does not have"),
        (#"{"kind": "note"}"#, "\"note\" with text missing"),
        (#"{"kind": "progress", "done": -1}"#, "done -1"), (#"{"kind": "state"}"#, "without the key state"),
        (#"{"kind": "policies", "policies": ["a\"b"]}"#, "\"policies\""), (#"{"kind": "policies"}"#, "\"policies\""),
        (#"{"kind": "type", "type": "inc"}"#, "told to make a full"), (#"{"kind": "type"}"#, "\"type\" with nothing"),
        (#"{"kind": "end", "bytes": "7"}"#, "expected a whole number"),
        (#"{"kind": "restore", "text": 1}"#, "\"restore\""),
        (#"{"kind": "note", "text": "ok", "tex": "slip"}"#, "\"note\" with the key \"tex\""),
        (#"{"kind": "state", "state": 1, "stat": 2}"#, "\"state\" with the key \"stat\""),
        (#"{"kind": "end", "bytes": 1, "byte": 2}"#, "\"end\" with the key \"byte\""),
        ("{\"kind\": \"end\", \"bytes\": 1}\n{\"kind\": \"note\", \"text\": \"x\"}", "a message after \"end\""),
    ])
    func messagesThatAreWrong(text: String, words: String) {
        expectError(.processFailed, mentions: [words, "descriptor 3", "own-units.md"]) {
            try say(text.split(separator: "\n").map(String.init))
        }
    }

    @Test func aStateMustFitIntoAnEnvironment() throws {
        let text = String(repeating: "x", count: ProgramMessages.maximumState - 2)
        #expect(try say([#"{"kind": "state", "state": "\#(text)"}"#]).state == .string(text))
        expectError(.processFailed, mentions: ["65537 bytes, more than 65536"]) {
            try say([#"{"kind": "state", "state": "\#(text)x"}"#])
        }
    }
}
