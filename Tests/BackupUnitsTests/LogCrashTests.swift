import BackupConfig
import BackupModel
import BackupPipeline
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// `kill -9` after any step: no element is lost, none is stored twice, no file is deleted before its element is durable.
@Suite struct LogCrashTests {
    /// Freezes all there is after one step: what the run does after that is as if it had been killed.
    private final class Crash: Sendable {
        struct State {
            /// The number of the step after which it happens, from 0.
            var after: Int
            var isOn = false
            var steps: [String] = []
            /// Whether the element may be in the storage at that moment, and whether it may be missing.
            var isStored = [false]
            var frozen: [Bool]?
        }

        let state: Mutex<State>
        let scratch: Scratch
        let keepsLinkCounts: Bool

        /// - Parameter keepsLinkCounts: the log files are moved away, and not linked to.
        init(_ scratch: Scratch, after step: Int, keepsLinkCounts: Bool) {
            state = Mutex(State(after: step))
            self.scratch = scratch
            self.keepsLinkCounts = keepsLinkCounts
        }

        func pass(_ step: String) {
            let isNow = state.withLock { state in
                guard state.isOn else { return false }
                // From here on the element becomes visible at some moment.
                if step == "state.next" { state.isStored = [false, true] }
                state.steps.append(step)
                guard state.steps.count - 1 == state.after else { return false }
                state.frozen = state.isStored
                return true
            }
            guard isNow else { return }
            // The files keep their inodes: by these they are known.
            let logs = keepsLinkCounts ? "mv logs frozen/; mkdir logs" : "cp -al logs frozen/"
            do { try shell("mkdir frozen; cp -a state frozen/; " + logs, in: scratch.path) } catch {
                Issue.record(error)
            }
        }

        func begin() { state.withLock { $0.isOn = true } }
        func elementIsStored() { state.withLock { $0.isStored = [true] } }

        /// Puts what was frozen in place, as often as needed.
        func restore() throws {
            try shell(
                keepsLinkCounts
                    ? "rm -r state; rm -rf logs; cp -a frozen/state .; mv frozen/logs ."
                    : "rm -r state logs; cp -a frozen/state .; cp -al frozen/logs .", in: scratch.path)
        }
    }

    @Test(arguments: [LogfileInputSettings.AfterStore.delete, .keep, .truncate], [0, 1])
    func everyStep(after: LogfileInputSettings.AfterStore, earlier: Int) throws {
        // Once to its end, to know the steps.
        let names = try crash(after: .max, after, earlier: earlier, stored: true)
        #expect(names.count >= 7, "\(names)")
        #expect(names.last == (after == .delete ? "deleted" : after == .keep ? "synced" : "cut"), "\(names)")
        for step in names.indices {
            for stored in [false, true] { try crash(after: step, after, earlier: earlier, stored: stored) }
        }
    }

    /// One run with a crash, and what comes after it.
    ///
    /// - Returns: the steps of the run.
    @discardableResult
    private func crash(
        after step: Int, _ after: LogfileInputSettings.AfterStore, earlier: Int, stored: Bool
    ) throws -> [String] {
        let scratch = try Scratch()
        let crash = Crash(scratch, after: step, keepsLinkCounts: after == .truncate)
        let bench = try LogBench(scratch, after: after, afterStep: { crash.pass($0) })
        try bench.write("b.1")
        try bench.store("/h/b")
        if earlier > 0 {
            try bench.write("a.9")
            try bench.store("/h/a")
        }
        let before = bench.bench.elements.withLock { $0.last { $0.source.description == "/h/a" }?.uuid }
        try bench.write("a.2", "a.1")
        crash.begin()
        let run = try bench.prepare("/h/a")
        #expect(try LogBench.contents(run) == "a.2")
        crash.pass("read")
        let uuid = run.uuid(checksum: [UInt8](repeating: 7, count: 64))
        try run.willStore(uuid)
        crash.elementIsStored()
        bench.bench.add(run, uuid)
        try run.stored()
        // Where the files were moved away it finds none.
        _ = run.finish()
        let state = crash.state.withLock { $0 }
        guard let frozen = state.frozen else { return state.steps }
        let label: Comment = "\(after), crash after \(state.steps[step]), stored: \(stored)"
        guard frozen.contains(stored) else { return state.steps }

        try crash.restore()
        let again = try LogBench(scratch, after: after)
        #expect(again.names.contains("a.2") || stored, label)
        again.bench.elements.withLock { $0 = bench.bench.elements.withLock { $0 }.filter { stored || $0.uuid != uuid } }
        _ = try again.bench.recover()
        #expect(try again.bench.recover() == [], label)
        #expect(!again.bench.files.names.contains { $0.contains("next") || $0.hasSuffix(".tmp") }, label)
        #expect(try again.bench.files.state().uuid(of: try SourceURL("/h/a")) == (stored ? uuid : before), label)
        switch after {
        case .delete: #expect(again.names.contains("a.2") == !stored, label)
        case .keep: #expect(again.names.contains("a.2"), label)
        case .truncate:
            let rest = try String(contentsOfFile: again.logs + "/a.2", encoding: .utf8)
            #expect(rest == (stored ? "" : "a.2"), label)
        }
        // The rest in order, and what was stored not again.
        let next = try again.prepare("/h/a")
        #expect(next.predecessor == (stored ? uuid : before), label)
        next.abandoned()
        #expect(try again.storeAll("/h/a") == (stored ? ["a.1"] : ["a.2", "a.1"]), label)
        #expect(try again.storeAll("/h/b") == [], label)
        return state.steps
    }

    @Test func anUnsettledRunMustBeSettledFirst() throws {
        let bench = try LogBench()
        try bench.write("a.1")
        let run = try bench.prepare("/h/a")
        try run.willStore(run.uuid(checksum: []))
        expectError(.busy, mentions: ["Unit", "state.next"]) { try bench.prepare("/h/a") }
        #expect(try bench.bench.unit.endRound(now: LogBench.now) == [])
        let notes = try bench.bench.recover()
        #expect(notes.count == 1 && notes[0].contains("taken back"))
        #expect(bench.bench.files.names == [])
        #expect(try bench.storeAll("/h/a") == ["a.1"])
    }

    @Test func nothingStaysOfAnAbandonedRun() throws {
        let bench = try LogBench(after: .delete)
        try bench.write("a.2")
        try bench.store("/h/a")
        let names = bench.bench.files.names
        let state = bench.bench.files.text("state.current")
        try bench.write("a.1")
        for announce in [false, true] {
            let run = try bench.prepare("/h/a")
            if announce { try run.willStore(run.uuid(checksum: [1])) }
            run.abandoned()
            #expect(bench.bench.files.names == names)
            #expect(bench.bench.files.text("state.current") == state)
            #expect(bench.names == ["a.1"])
            #expect(try bench.bench.recover() == [])
        }
        // No round ends while a run is under way; this one is not any more.
        _ = try bench.bench.unit.endRound(now: LogBench.now)
        #expect(try bench.bench.files.state().lastLook == LogBench.now)
    }
}
