import BackupConfig
import BackupModel
import BackupPipeline
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// A crash after any step: what a kill leaves is what was there after the step before.
@Suite struct CommitTests {
    private struct Snapshot {
        let step: String
        let path: String
        /// Whether the element may be in the storage, and whether it may be missing.
        let stored: [Bool]
    }

    /// Collects copies of the unit's directory.
    private final class Recorder: Sendable {
        let state = Mutex<(snapshots: [Snapshot], stored: [Bool], from: String?)>(([], [false], nil))
        let scratch: Scratch

        init(_ scratch: Scratch) { self.scratch = scratch }

        func take(_ step: String) {
            state.withLock { state in
                guard let from = state.from else { return }
                // From here on the element becomes visible at some moment.
                if step == "state.next" { state.stored = [false, true] }
                let copy = scratch.path + "/snapshot\(state.snapshots.count)"
                do { try FileManager.default.copyItem(atPath: from, toPath: copy) } catch { Issue.record(error) }
                state.snapshots.append(Snapshot(step: step, path: copy, stored: state.stored))
            }
        }

        func elementIsStored() { state.withLock { $0.stored = [true] } }
        func begin(_ path: String) { state.withLock { $0.from = path } }
        var snapshots: [Snapshot] { state.withLock { $0.snapshots } }
    }

    private func pretend(_ run: any UnitRun, _ text: String) throws {
        let index = try #require(run.producer.process?.environment["GB_INDEX"])
        try Data(text.utf8).write(to: URL(fileURLWithPath: index))
    }

    private func index(_ time: Int64) -> String { "GNU tar-1.34-2\n\(time)\u{0}0\u{0}" }

    private func finish(_ run: any UnitRun, _ bench: Bench, _ recorder: Recorder? = nil) throws -> ElementUUID {
        try pretend(run, index(run.timestamp.seconds))
        recorder?.take("producer ended")
        let uuid = run.uuid(checksum: [UInt8](repeating: 7, count: 64))
        try run.willStore(uuid)
        recorder?.elementIsStored()
        bench.add(run, uuid)
        try run.stored()
        return uuid
    }

    @Test(arguments: [0, 2], [BackupType.full, .inc]) func everyStep(keep: Int, type: BackupType) throws {
        for earlier in 0...2 {
            let scratch = try Scratch()
            let root = try scratch.directory("root")
            let recorder = Recorder(scratch)
            let kind = UnitKind.tar([
                try tarSource("/h/a", root: root, keep: keep), try tarSource("/h/other", root: root, keep: keep),
            ])
            let bench = try Bench(kind, in: scratch, afterStep: { recorder.take($0) })
            let source = try SourceURL("/h/a")
            let other = try bench.unit.prepare(try SourceURL("/h/other"), type: .full, now: Timestamp(500))
            let otherUUID = try finish(other, bench)
            var before: ElementUUID?
            for run in 0..<earlier {
                before = try finish(bench.unit.prepare(source, type: .full, now: Timestamp(1000 + Int64(run))), bench)
            }
            recorder.begin(bench.files.path)
            let run = try bench.unit.prepare(source, type: type, now: Timestamp(2000))
            recorder.take("prepared")
            let uuid = try finish(run, bench, recorder)
            #expect(recorder.snapshots.count >= 7)

            for snapshot in recorder.snapshots {
                for stored in snapshot.stored {
                    let label: Comment =
                        "keep \(keep), \(type) after \(earlier), crash after: \(snapshot.step), stored: \(stored)"
                    let place = try Scratch()
                    _ = try place.directory("state/generators")
                    try FileManager.default.copyItem(
                        atPath: snapshot.path, toPath: place.path + "/state/generators/Unit")
                    let after = try Bench(kind, in: place)
                    after.elements.withLock { $0 = bench.elements.withLock { $0 }.filter { stored || $0.uuid != uuid } }
                    _ = try after.recover()
                    #expect(try after.recover() == [], label)
                    let state = try after.files.state()
                    #expect(state[source]?.uuid == (stored ? uuid : before), label)
                    #expect(state[try SourceURL("/h/other")]?.uuid == otherUUID, label)
                    let last = stored ? 2000 : earlier == 0 ? nil : Int64(1000 + earlier - 1)
                    #expect(after.files.text("h-a.index") == last.map { index($0) }, label)
                    #expect(after.files.text("h-other.index") == index(500), label)
                    #expect(!after.files.names.contains { $0.contains("next") || $0.hasSuffix(".tmp") }, label)
                    let kept = after.files.names.filter { $0.hasPrefix("h-a.index.") }
                    #expect(kept.count <= keep, label)
                    // The next run goes on in the same chain.
                    let next = try after.unit.prepare(source, type: .inc, now: Timestamp(3000))
                    #expect(next.predecessor == (stored ? uuid : before), label)
                    #expect(next.type == (stored || earlier > 0 ? .inc : .full), label)
                }
            }
        }
    }

    @Test func keepsOldIndicesUpToTheNumberGiven() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root, keep: 2)]), in: scratch)
        // Names that look alike but belong to others.
        for name in ["h-a.index.20200101000000x", "h-a.index.bz2.2020", "h-a-b.index.20200101000000", "x"] {
            try bench.files.write("x", to: name)
        }
        try bench.files.write("x", to: "h-a.index.bz2.20200101000000")
        for time in [1000, 2000, 3000, 4000] as [Int64] {
            _ = try finish(bench.unit.prepare(try SourceURL("/h/a"), type: .full, now: Timestamp(time)), bench)
        }
        // Three were replaced; the original's has the newest time of all, so it and the newest of ours stay.
        #expect(
            bench.files.names == [
                "h-a-b.index.20200101000000", "h-a.index", "h-a.index.19700101005000", "h-a.index.20200101000000x",
                "h-a.index.bz2.2020", "h-a.index.bz2.20200101000000", "h-a.settings", "state.current", "state.old", "x",
            ])
    }

    private struct Copier: ByteTransform {
        mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError) { try emit(input) }
        mutating func finish(emit: Emit) throws(BackupError) {}
    }

    private struct Full: ByteTransform {
        mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError) {
            throw BackupError(.noSpace, "no space")
        }
        mutating func finish(emit: Emit) throws(BackupError) {}
    }

    @Test func compressesKeptIndicesAndDoesWithout() throws {
        for (transform, name) in [(Copier(), ".zst"), (Full(), "")] as [(any ByteTransform & Sendable, String)] {
            let scratch = try Scratch()
            let root = try scratch.directory("root")
            let bench = try Bench(
                .tar([try tarSource("/h/a", root: root, keep: 5)]), in: scratch, compress: { transform })
            for time in [1000, 2000] as [Int64] {
                _ = try finish(bench.unit.prepare(try SourceURL("/h/a"), type: .full, now: Timestamp(time)), bench)
            }
            #expect(
                bench.files.names == [
                    "h-a.index", "h-a.index\(name).19700101001640", "h-a.settings", "state.current", "state.old",
                ])
            #expect(bench.files.text("h-a.index\(name).19700101001640") == index(1000))
        }
    }

    @Test func nothingStaysOfAnAbandonedRun() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root)]), in: scratch)
        let source = try SourceURL("/h/a")
        let uuid = try finish(bench.unit.prepare(source, type: .full, now: Timestamp(1000)), bench)
        let names = bench.files.names
        for announce in [false, true] {
            let run = try bench.unit.prepare(source, type: .inc, now: Timestamp(2000))
            try pretend(run, "broken")
            if announce { try run.willStore(uuid) }
            run.abandoned()
            #expect(bench.files.names == names)
            #expect(bench.files.text("h-a.index") == index(1000))
            #expect(try bench.files.state()[source]?.uuid == uuid)
            #expect(try bench.recover() == [])
        }
    }

    @Test func anUnsettledRunMustBeSettledFirst() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root)]), in: scratch)
        let run = try bench.unit.prepare(try SourceURL("/h/a"), type: .full, now: Timestamp(1000))
        try pretend(run, index(1000))
        try run.willStore(run.uuid(checksum: []))
        expectError(.busy, mentions: ["Unit", "state.next"]) {
            try bench.unit.prepare(try SourceURL("/h/a"), type: nil, now: Timestamp(2000))
        }
        let notes = try bench.recover()
        #expect(notes.count == 2 && notes[0].contains("/h/a") && notes[0].contains("taken back"))
        #expect(try bench.unit.prepare(try SourceURL("/h/a"), type: nil, now: Timestamp(2000)).predecessor == nil)
    }

    @Test func tarWithoutAnIndexIsNoBackup() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root)]), in: scratch)
        let run = try bench.unit.prepare(try SourceURL("/h/a"), type: .full, now: Timestamp(1000))
        expectError(.failed, mentions: ["h-a.index.next"]) { try run.willStore(run.uuid(checksum: [])) }
    }
}
