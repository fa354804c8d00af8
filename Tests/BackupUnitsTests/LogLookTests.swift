import BackupConfig
import BackupModel
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// How often all files are looked at, and that nothing is missed because of what was seen before.
@Suite struct LogLookTests {
    /// What was seen is believed for as long as the directory says so.
    private static let byDirectoryAlone = LogLookLimits(age: .infinity, rest: 0)

    /// Counts the files that were looked at.
    private final class Counter: Sendable {
        let files = Mutex(0)
        var count: Int { files.withLock { $0 } }
    }

    private func bench(
        after: LogfileInputSettings.AfterStore, settle: Int64 = 0, _ counter: Counter = Counter()
    ) throws -> LogBench {
        try LogBench(after: after, settle: settle, looks: Self.byDirectoryAlone) { count in
            counter.files.withLock { $0 += count }
        }
    }

    /// The time of the directory is none that a change of it can have.
    private func rest(_ bench: LogBench) throws { try shell("touch -d @1000 .", in: bench.logs) }

    /// As the service asks: before each run for all, and for its source.
    private func storeOne(_ bench: LogBench) throws -> (source: String, contents: String)? {
        guard let run = try bench.outlook().runs.first else { return nil }
        guard try bench.bench.unit.next(of: run.source, now: LogBench.now) != nil else { return nil }
        return (run.source.description, try bench.store(run.source.description))
    }

    @Test(arguments: [LogfileInputSettings.AfterStore.delete, .keep], [1, 1000])
    func notEveryFileForEachThatIsStored(after: LogfileInputSettings.AfterStore, sources: Int) throws {
        let (count, counter) = (3000, Counter())
        let bench = try bench(after: after, counter)
        let digits = Array("abcdefghij")
        for number in 0..<count {
            let name = String(String(number % sources).map { digits[Int(String($0)) ?? 0] })
            try bench.write("\(name).\(number / sources)")
        }
        for _ in 0..<40 { try #require(try storeOne(bench) != nil) }
        #expect(bench.names.count == (after == .delete ? count - 40 : count))
        #expect(counter.count <= 2 * count, "\(counter.count) looks at \(count) files")
    }

    /// All are stored once, in order, and what is gone is not remembered.
    @Test(arguments: [LogfileInputSettings.AfterStore.delete, .keep, .truncate])
    func allAreStoredOnce(after: LogfileInputSettings.AfterStore) throws {
        let counter = Counter()
        let bench = try bench(after: after, counter)
        for number in 1...20 { try bench.write("a.\(number)", "b.\(number)") }
        var stored: [String: [String]] = [:]
        var remembered: [Int] = []
        while let (source, contents) = try storeOne(bench) {
            stored[source, default: []].append(contents)
            remembered.append((bench.bench.files.text("files.current") ?? "").ranges(of: "\"inode\"").count)
        }
        for name in ["a", "b"] { #expect(stored["/h/" + name] == (1...20).reversed().map { "\(name).\($0)" }) }
        #expect(remembered == (after == .keep ? Array(1...40) : Array(repeating: 1, count: 40)))
        #expect(counter.count <= 3 * 40, "\(counter.count)")
    }

    @Test func whatOthersChangeIsSeen() throws {
        let bench = try bench(after: .keep)
        try bench.write("a.3", "a.2", "b.1")
        try rest(bench)
        #expect(try bench.outlook().runs.map(\.source.description) == ["/h/a", "/h/b"])
        // It is just being compressed.
        try bench.write("a.3.gz")
        #expect(try bench.bench.unit.next(of: SourceURL("/h/a"), now: LogBench.now) == nil)
        expectError(.notFound, mentions: ["same serial"]) { try bench.prepare("/h/a") }
        try FileManager.default.removeItem(atPath: bench.logs + "/a.3.gz")
        try rest(bench)
        #expect(try bench.outlook().runs.count == 2)
        // Rotated once more.
        try shell("mv a.3 a.4; mv a.2 a.3", in: bench.logs)
        try bench.write("a.2", text: "new")
        #expect(try bench.storeAll("/h/a") == ["a.3", "a.2", "new"])
        // A new source.
        try rest(bench)
        #expect(try bench.outlook().runs.count == 1)
        try bench.write("c.1")
        #expect(try bench.outlook().runs.map(\.source.description) == ["/h/b", "/h/c"])
    }

    /// The directory does not tell of that.
    @Test func whatIsWrittenToIsSeen() throws {
        let bench = try bench(after: .keep)
        try bench.write("a.2", "a.1")
        try rest(bench)
        #expect(try bench.outlook().runs.count == 1)
        func append(_ name: String) throws { try shell("echo more >>\(name); touch -d @5000 \(name)", in: bench.logs) }
        try append("a.2")
        #expect(try bench.store("/h/a") == "a.2more\n")
        #expect(try bench.store("/h/a") == "a.1")
        // Nothing is left of what was seen.
        try append("a.1")
        #expect(try bench.outlook().runs.map(\.source.description) == ["/h/a"])
        #expect(try bench.store("/h/a") == "a.1more\n")
        try append("a.2")
        #expect(try bench.store("/h/a") == "a.2more\nmore\n")
    }

    @Test func twoNamesOfOneFileAreStoredOnce() throws {
        for after in [LogfileInputSettings.AfterStore.keep, .delete] {
            let bench = try bench(after: after)
            try bench.write("a.1")
            try shell("ln a.1 b.1", in: bench.logs)
            try rest(bench)
            #expect(try storeOne(bench)?.contents == "a.1")
            #expect(try storeOne(bench) == nil)
            #expect(bench.names == (after == .keep ? ["a.1", "b.1"] : ["b.1"]))
        }
    }

    /// A directory that others have just changed may change once more without being another, and nothing holds for ever.
    @Test func whatIsUncertainIsLookedAtAnew() throws {
        for limits in [LogLookLimits(age: .infinity, rest: .max), LogLookLimits(age: 0, rest: 0)] {
            let counter = Counter()
            let bench = try LogBench(looks: limits) { count in counter.files.withLock { $0 += count } }
            try bench.write("a.1")
            for number in 1...3 {
                _ = try bench.outlook()
                #expect(counter.count == number)
            }
        }
    }
}
