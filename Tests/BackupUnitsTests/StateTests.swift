import BackupConfig
import BackupModel
import Foundation
import Testing

@testable import BackupUnits

@Suite struct StateTests {
    private func bench(_ scratch: Scratch) throws -> Bench {
        try Bench(.tar([try tarSource("/host1/root", root: try scratch.directory("root"))]), in: scratch)
    }

    @Test func isWrittenInTheFormOfTheOriginal() throws {
        for text in [ChainTests.current, ChainTests.old] {
            let state = try UnitState(parsing: Array(text.utf8), path: "x")
            #expect(String(decoding: state.text, as: UTF8.self) == text)
        }
    }

    @Test func entriesWeDoNotKnowAreKept() throws {
        let scratch = try Scratch()
        let bench = try bench(scratch)
        let other = #""/gone": [1, 2, "AAAA", {"more": 1.50}]"#
        try bench.files.write(#"{\#(other), "note": "kept"}"#, to: "state.current")
        try bench.run("/host1/root", at: 1_795_220_058)
        let text = try #require(bench.files.text("state.current"))
        #expect(text.hasPrefix("{\(other), \"/host1/root\": [1795220058, 1795220058, "))
        #expect(text.hasSuffix(#""note": "kept"}"#))
    }

    @Test(arguments: [
        "", "{", #"{"/host1/root": [1795220058, 17952"#, "[1795220099, {}]",
        #"{"/host1/root": [1795220058, 1795220060]}"#,
        #"{"/host1/root": [-5, 1795220060, "AAAA"]}"#, #"{"/host1/root": [5, 99999999999999, "AAAA"]}"#,
        #"{"/host1/root": [5, 6, "not base64"]}"#, "\u{0}\u{0}\u{0}",
    ]) func aDamagedStateFallsBackToTheOneBefore(text: String) throws {
        let scratch = try Scratch()
        let bench = try bench(scratch)
        try bench.files.write(text, to: "state.current")
        try bench.files.write(ChainTests.old, to: "state.old")
        try bench.files.write(ChainTests.index, to: "host1-root.index")
        // Nobody knows what the index belongs to.
        let scheduled = try #require(try bench.unit.schedule(now: Timestamp(1_795_300_000)).first)
        #expect(scheduled.type == .full && scheduled.reason.contains("state.old was used instead"))
        let notes = try bench.recover()
        #expect(notes.count == 1 && notes[0].contains("state.current") && notes[0].contains("full backup"))
        #expect(try bench.recover() == [])
        #expect(bench.files.text("state.current") == ChainTests.old)
        #expect(bench.files.text("state.damaged") == text)
        let run = try bench.run("/host1/root", type: .inc, at: 1_795_300_000)
        #expect(run.type == .full && run.predecessor?.base64 == ChainTests.fullUUID)
        #expect(try bench.run("/host1/root", type: .inc, at: 1_795_300_100).type == .inc)
    }

    @Test func whatTheOriginalLeftIsExplained() throws {
        let scratch = try Scratch()
        let bench = try bench(scratch)
        try bench.files.write(ChainTests.current, to: "state.current")
        try bench.files.write(ChainTests.old, to: "state.previous")
        try bench.files.write("x", to: "host1-root.index.next")
        let notes = try bench.recover()
        #expect(notes.count == 2)
        #expect(notes.contains { $0.contains("state.previous") && $0.contains("can be removed") })
        #expect(notes.contains { $0.contains("host1-root.index.next") && $0.contains("removed") })
        #expect(bench.files.text("host1-root.index.next") == nil)
        // Interrupted between its two renames: only the former state is there.
        try FileManager.default.removeItem(atPath: bench.files.path + "/state.current")
        #expect(try bench.recover().first?.contains("state.previous was used instead") == true)
        #expect(bench.files.text("state.current") == ChainTests.old)
    }

    @Test func withoutAnyGoodStateTheWayOutIsTold() throws {
        let scratch = try Scratch()
        let bench = try bench(scratch)
        try bench.files.write("{", to: "state.current")
        try bench.files.write("}", to: "state.old")
        for attempt in 0..<3 {
            expectError(.damaged, mentions: ["Unit", "state.old", "new chain", bench.files.path]) {
                switch attempt {
                case 0: _ = try bench.unit.schedule(now: Timestamp(1))
                case 1: _ = try bench.recover()
                default: _ = try bench.unit.prepare(try SourceURL("/host1/root"), type: nil, now: Timestamp(1))
                }
            }
        }
        for name in ["state.current", "state.old"] {
            try FileManager.default.removeItem(atPath: bench.files.path + "/" + name)
        }
        let run = try bench.run("/host1/root", at: 1000)
        #expect(run.type == .full && run.predecessor == nil)
    }

    @Test func aGarbledNextStateDoesNotCount() throws {
        let scratch = try Scratch()
        let bench = try bench(scratch)
        try bench.files.write(ChainTests.current, to: "state.current")
        try bench.files.write("{", to: "state.next")
        #expect(try bench.recover().first?.contains("state.next") == true)
        #expect(try bench.recover() == [])
        #expect(bench.files.names == ["state.current"])
    }

    @Test func aStateBehindASymbolicLinkIsNotFollowed() throws {
        let scratch = try Scratch()
        let bench = try bench(scratch)
        try bench.files.write(ChainTests.old, to: "state.old")
        try FileManager.default.createSymbolicLink(
            atPath: bench.files.path + "/state.current", withDestinationPath: "state.old")
        expectError(.untrusted, mentions: ["state.current"]) { try bench.unit.schedule(now: Timestamp(1)) }
    }

    @Test func aFreshUnitHasNothingToRecoverAndMakesNoDirectory() throws {
        let scratch = try Scratch()
        let bench = try bench(scratch)
        #expect(try bench.recover() == [])
        #expect(try bench.unit.schedule(now: Timestamp(5)).map(\.due) == [Timestamp(5)])
        #expect(!FileManager.default.fileExists(atPath: bench.files.path))
        try bench.run("/host1/root", at: 1000)
        let attributes = try FileManager.default.attributesOfItem(atPath: bench.files.path)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }
}
