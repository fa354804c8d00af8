import BackupConfig
import BackupModel
import BackupSystem
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// Which files there are, what they are called, and in which order they come.
@Suite struct LogOrderTests {
    @Test func serialsAreComparedAsNumbersWhereTheyAreNumbers() throws {
        let inOrder = [
            "1", "2", "9", "10", "11", "0100", "20261121", "20261121.1", "20261121.2", "20261121.10", "20261122",
            "123456789012345678901234567890", "a", "a1", "a2", "a10", "b",
        ]
        for (index, one) in inOrder.enumerated() {
            for (other, text) in inOrder.enumerated() {
                #expect((LogSerial(one) < LogSerial(text)) == (index < other), "\(one) \(text)")
            }
        }
        #expect(LogSerial("007") == LogSerial("7"))
        #expect(LogSerial("2026-11-09") < LogSerial("2026-11-10"))
    }

    @Test func oldSerialsCountDownAndSerialsUp() throws {
        let bench = try LogBench()
        try bench.write("a.2", "a.10", "a.1", "a", "b-9", "b-20261121", "b-10", "b")
        #expect(try bench.storeAll("/h/a") == ["a.10", "a.2", "a.1", "a"])
        #expect(try bench.storeAll("/h/b") == ["b-9", "b-10", "b-20261121", "b"])
        let elements = bench.bench.elements.withLock { $0 }
        for source in ["/h/a", "/h/b"] {
            let chain = elements.filter { $0.source.description == source }
            #expect(chain.map(\.predecessor) == [nil] + chain.dropLast().map(\.uuid))
            #expect(chain.allSatisfy { $0.type == .full })
        }
    }

    @Test func aSourceWithoutOrderIsSkippedAndTheOthersGoOn() throws {
        let bench = try LogBench()
        try bench.write("mixed.1", "mixed-1", "twice.1", "twice.1.gz", "zero.1", "zero.01", "two", "two.gz", "good.1")
        let outlook = try bench.outlook()
        #expect(outlook.runs.map(\.source.description) == ["/h/good"])
        for (source, words) in [
            "/h/mixed": ["serial", "oldserial"], "/h/twice": ["twice.1.gz", "same serial"],
            "/h/zero": ["zero.01", "same serial"], "/h/two": ["two.gz", "same serial"],
        ] {
            let reason = try #require(try bench.waits(source))
            for word in words { #expect(reason.contains(word), "\(reason)") }
            #expect(outlook.notices.contains { $0.contains(source) && $0.contains(words[0]) }, "\(source)")
            expectError(.notFound, mentions: [source, words[0]]) { try bench.prepare(source) }
        }
        // It passes.
        try FileManager.default.removeItem(atPath: bench.logs + "/twice.1.gz")
        #expect(try bench.storeAll("/h/twice") == ["twice.1"])
    }

    @Test func filesOfTwoDirectoriesAreNoSource() throws {
        let scratch = try Scratch()
        let inputs = try ["one", "two"].map { name in
            try LogBench.input(try scratch.directory(name), name)
        }
        let bench = try LogBench(scratch, inputs)
        try shell("echo 1 >one/a.1; echo 2 >two/a.2; echo 3 >two/b.1", in: scratch.path)
        #expect(try bench.outlook().runs.map(\.source.description) == ["/h/b"])
        #expect(try bench.waits("/h/a")?.contains("one source") == true)
    }

    /// Two files of the same second, as when two are rotated at once.
    @Test func theSameTimeOfChangeIsNoHindrance() throws {
        let bench = try LogBench()
        for name in ["a.3", "a.2", "a.1"] { try bench.write(name, text: name, at: 1_795_220_058) }
        let runs = try (0..<3).map { _ in
            let run = try bench.prepare("/h/a")
            return (run.timestamp, try bench.store(run).contents)
        }
        #expect(runs.map(\.0) == [Timestamp](repeating: Timestamp(1_795_220_058), count: 3))
        #expect(runs.map(\.1) == ["a.3", "a.2", "a.1"])
    }

    @Test func namesThatCannotBeUsedArePassedOverAndReported() throws {
        let bench = try LogBench(pattern: #"(?s)(.+)\.(?<oldserial>[0-9]+)(?:\.(?<compress>[a-z0-9]+))?"#)
        try bench.write("good.1", "new\nline.1", "blank name.1", "ümlaut.1", "a.1.lz", "..1", "-rf.1")
        try shell(
            #"touch $'in\xffvalid.1'; ln -s good.1 link.1; mkfifo fifo.1; mkdir directory.1; ln -s /nowhere gone.1"#,
            in: bench.logs)
        let outlook = try bench.outlook()
        #expect(outlook.problems.isEmpty)
        #expect(outlook.runs.map(\.source.description) == ["/h/-rf", "/h/good"])
        let told = outlook.notices.joined(separator: "\n")
        for words in [
            #"new\nline"#, "blank name.1", "ümlaut.1", "a.1.lz", "..1", "no UTF-8", "a symbolic link", "FIFO",
            "a directory",
        ] {
            #expect(told.contains(words), "\(words) is not in: \(told)")
        }
        // In the same words as long as it is so: it is said once.
        #expect(try bench.outlook().notices == outlook.notices)
        #expect(!told.contains("\u{0A}line"), "a name must not break a line")
    }

    @Test func manyBadNamesMakeFewWords() throws {
        let bench = try LogBench(pattern: #"(.+)\.(?<oldserial>[0-9]+)"#)
        for number in 0..<50 { try bench.write("bad name.\(number)") }
        let notices = try bench.outlook().notices
        #expect(notices.count == 11)
        #expect(notices.last?.contains("40 more") == true)
    }

    @Test func theSourceIsTheDirectoryAndTheFirstGroup() throws {
        let bench = try LogBench(source: nil)
        try bench.write("a.1")
        // Whatever the temporary directory is called, its characters may stand in a source URL.
        #expect(try bench.outlook().runs.map(\.source.description) == [bench.logs + "/a"])
    }

    @Test func directoriesThatCannotBeLookedInto() throws {
        let scratch = try Scratch()
        try shell("mkdir good; touch file; mkdir real; echo x >good/a.1", in: scratch.path)
        let bench = try LogBench(
            scratch,
            [
                try LogBench.input(scratch.path + "/good", "good"),
                try LogBench.input(scratch.path + "/missing", "missing", source: "/m/\\1"),
                try LogBench.input(scratch.path + "/file", "file", source: "/f/\\1"),
            ])
        let outlook = try bench.outlook()
        #expect(outlook.runs.map(\.source.description) == ["/h/a"], "the others go on")
        #expect(outlook.problems.count == 2)
        #expect(outlook.problems.allSatisfy { $0.code == .notFound })
        #expect(outlook.problems[0].description.contains("inputs.missing"))
        #expect(outlook.problems[1].description.contains("inputs.file"))
    }

    /// What would take longer than anybody lives is given up, and costs nothing but one thread.
    @Test func aPatternThatDoesNotEndIsGivenUp() throws {
        let bench = try LogBench(pattern: "((?:a+)+)x", patience: 200)
        try bench.write("aax")
        #expect(try bench.outlook().runs.count == 1)
        try bench.write(String(repeating: "a", count: 24))
        let first = try #require(try bench.outlook().problems.first)
        #expect(first.code == .timedOut && first.description.contains("inputs.a.pattern"), "\(first)")
        #expect(first.description.contains(String(repeating: "a", count: 24)))
        let second = try #require(try bench.outlook().problems.first)
        #expect(second.code == .timedOut && second.description.contains("earlier look"), "\(second)")
    }
}
