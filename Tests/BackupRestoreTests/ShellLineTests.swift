import BackupModel
import BackupTestKit
import Testing

@testable import BackupRestore

/// The data outlives the program: what a person types does the same.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ShellLineTests {
    @Test(arguments: ["plain", "it's a \"name\" $(touch trap) `touch trap`; touch trap &"])
    func byHand(name: String) async throws {
        try await withTemporaryDirectory { place in
            let random = SeededGenerator()
            var changes = RandomChanges(random)
            let inner = try place.makeDirectory(name)
            let outer = place
            // The storage lies below a directory of this name.
            let history = try TreeHistory(outer)
            try shell(changes.script(30), in: history.root)
            try history.backup(.full)
            try shell(changes.script(10), in: history.root)
            try history.backup(.inc)
            let lines = try await history.restore.session().shellLines(
                try history.restore.plan(), directory: inner + "/t x")
            #expect(lines.count == 2)
            try place.makeDirectory(name + "/t x")
            for line in lines {
                let run = try ToolRun(["/bin/sh", "-c", "cd \"$1\" && " + line, "sh", place.path])
                #expect(run.isSuccess, "\(line): \(run.output)")
            }
            #expect(
                treeDifferences(try contentsOfTree(inner + "/t x"), history.trees[1]) == [], random.comment)
            #expect(!place.exists("trap"))
        }
    }

    @Test func compressedAndDump() async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place, source: "/host1/db")
            try shell("echo dump | zstd -q >a", in: place.path)
            try restore.store(
                data: try place.read("a"),
                stages: [StageRecord(stage: "command", restore: nil), StageRecord(stage: "zstd", restore: nil)])
            for line in try await restore.session().shellLines(try restore.plan(), directory: ".") {
                try shell(line.replacing("< ", with: "<"), in: try place.makeDirectory("t"))
            }
            #expect(try place.read("t/db") == Array("dump\n".utf8))
        }
    }

    @Test func wordsAreTakenLiterally() throws {
        var random = SeededGenerator()
        var words = [
            "", " ", "'", "''", "a'b", "\\", "$HOME", "~", "*", "a\nb", "'\u{301}", "\r\n", "-n", "ä", "=x", "#", "!",
        ]
        let pieces = ["'", "\"", "\\", "$", " ", "\n", "\u{301}", "a", ";", "`", "é"]
        for _ in 0..<40 {
            words.append((0..<6).map { _ in pieces.randomElement(using: &random) ?? "" }.joined())
        }
        for word in words {
            let run = try ToolRun(["/bin/sh", "-c", "printf '%s|' " + RestoreSession.quoted(word)])
            #expect(Array(run.output.utf8) == Array((word + "|").utf8), random.comment)
        }
    }
}
