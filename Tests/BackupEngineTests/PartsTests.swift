import BackupConfig
import BackupModel
import BackupSystem
import BackupTestKit
import BackupUnits
import Testing

@testable import BackupEngine

/// The small parts of the service.
@Suite struct PartsTests {
    // MARK: - Run conditions

    private let both = RunConditionSettings(
        minimumUptime: TimeSpan(seconds: 600), loadBelow: LoadLimitSetting(limit: 0.5, span: TimeSpan(seconds: 240)))

    /// Looks every `step` seconds at a machine that has been up for an hour; gives the seconds at which it was free.
    private func free(_ loads: [Double?], step: Int64 = 60, jumps: [Int: Int64] = [:]) -> [Int] {
        var conditions = RunConditions()
        var now: Int64 = 1_000_000
        return loads.indices.filter { index in
            now += jumps[index] ?? step
            return conditions.obstacle(
                both, now: Timestamp(now), uptime: TimeSpan(seconds: 3600), load: loads[index]) == nil
        }
    }

    @Test func conditions() {
        var conditions = RunConditions()
        let now = Timestamp(1000)
        #expect(conditions.obstacle(nil, now: now, uptime: TimeSpan(seconds: 0), load: 99) == nil)
        let uptime = conditions.obstacle(both, now: now, uptime: TimeSpan(seconds: 599), load: nil)
        #expect(uptime?.contains("minimum_uptime") == true)
        #expect(conditions.obstacle(both, now: now, uptime: TimeSpan(seconds: 600), load: nil) == nil)
        let load = conditions.obstacle(both, now: now, uptime: TimeSpan(seconds: 600), load: 0.5)
        #expect(load?.contains("load_below.limit") == true)
        let span = conditions.obstacle(both, now: now, uptime: TimeSpan(seconds: 600), load: 0.49)
        #expect(span?.contains("load_below.for") == true)

        #expect(free([0, 0, 0, 0, 0, 0]) == [4, 5])
        #expect(free([0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0]) == [9])
        #expect(free([9, 9, 9, 9, 9, 9]) == [])
        #expect(free([nil, nil]) == [0, 1])
        #expect(free([0, 0, 0, 0, 0], step: 120) == [], "who looks too rarely knows nothing")
    }

    /// What was low yesterday says nothing about the night between.
    @Test func conditionsAreForgotten() {
        #expect(free([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], jumps: [5: 86400]) == [4, 9])
        #expect(free([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], jumps: [5: -86400]) == [4, 9])
    }

    // MARK: - Slots

    private func run(_ unit: String, _ source: String, due: Int64 = 0) throws -> ScheduledRun {
        ScheduledRun(unit: unit, source: try SourceURL(source), type: .full, due: Timestamp(due), reason: "")
    }

    private let pause = TimeSpan(seconds: 600)

    @Test func slots() throws {
        let slots = RunSlots()
        let now = Timestamp(1000)
        let (a, a2, b, c) = (try run("A", "/a"), try run("A", "/a2"), try run("B", "/b"), try run("C", "/c"))
        #expect(slots.claim(a, limit: 2, retryAfter: pause, now: now))
        #expect(!slots.claim(a2, limit: 2, retryAfter: pause, now: now), "one source of a unit at a time")
        #expect(slots.claim(b, limit: 2, retryAfter: pause, now: now))
        #expect(!slots.claim(c, limit: 2, retryAfter: pause, now: now), "no more units than allowed")
        #expect(slots.busy == ["A", "B"])
        slots.askForReload()
        #expect(!slots.takeReload(), "units are at work")
        slots.end(a, failedAt: nil)
        #expect(!slots.claim(a2, limit: 2, retryAfter: pause, now: now), "nothing begins before the reload")
        slots.end(b, failedAt: nil)
        #expect(slots.takeReload())
        #expect(!slots.takeReload())
        #expect(slots.claim(a2, limit: 2, retryAfter: pause, now: now))
        slots.stop()
        #expect(!slots.claim(c, limit: 2, retryAfter: pause, now: now))
    }

    @Test func failedSourcesRest() throws {
        let slots = RunSlots()
        let a = try run("A", "/a")
        let b = try run("B", "/b", due: 5000)
        #expect(slots.claim(a, limit: 1, retryAfter: pause, now: Timestamp(1000)))
        slots.end(a, failedAt: Timestamp(1000))
        #expect(!slots.claim(a, limit: 1, retryAfter: pause, now: Timestamp(1599)))
        #expect(slots.next([a, b], retryAfter: pause, now: Timestamp(1599)) == Timestamp(1600))
        #expect(slots.next([a, b], retryAfter: pause, now: Timestamp(1600)) == Timestamp(5000))
        #expect(slots.next([a], retryAfter: pause, now: Timestamp(1600)) == nil)
        // The clock was set back: nobody waits for that time to come again.
        #expect(slots.claim(a, limit: 1, retryAfter: pause, now: Timestamp(10)))
        slots.end(a, failedAt: nil)
        #expect(slots.claim(a, limit: 1, retryAfter: pause, now: Timestamp(1001)))
    }

    // MARK: - Sleeping

    /// Each of these would take an hour if it did not work.
    @Test(.timeLimit(.minutes(10))) func wakeUp() async {
        let wakeUp = WakeUp()
        wakeUp.signal()
        await wakeUp.sleep(seconds: 3600)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await wakeUp.sleep(seconds: 3600) }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(20))
                wakeUp.signal()
            }
        }
        let cancelled = Task { await wakeUp.sleep(seconds: 3600) }
        cancelled.cancel()
        await cancelled.value
        await wakeUp.sleep(seconds: 0)
        // Many signals are one.
        for _ in 0..<10 { wakeUp.signal() }
        await wakeUp.sleep(seconds: 3600)
        for _ in 0..<50 {
            async let sleeper: Void = wakeUp.sleep(seconds: 3600)
            wakeUp.signal()
            await sleeper
        }
    }

    // MARK: - Journal

    @Test func tornLine() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            let path = Journal.fileName
            for (number, text) in [
                "", "{\"event\": \"a\"}\n", "{\"event\": \"a\"}\n{\"event\": \"to", "\n", "\u{0}\u{0}\u{0}",
            ].enumerated() {
                try place.write(path, text)
                let journal = try Journal(in: directory)
                try journal.append(JournalEvent(.note, at: Timestamp(0)).with("message", "first\nsecond \"\u{7}é"))
                try journal.append(JournalEvent(.recovered, at: Timestamp(0)).with("unit", nil as String?))
                let events = try Journal.recent(stateDirectory: place.path)
                #expect(events.suffix(2).map { $0["event"]?.stringValue } == ["note", "recovered"], "\(number)")
                #expect(events.dropLast().last?["message"]?.stringValue == "first\nsecond \"\u{7}é")
                #expect(events.count == (text.hasPrefix("{") ? 3 : 2), "\(number)")
                let written = String(decoding: try place.read(path), as: UTF8.self)
                #expect(written.hasPrefix(text), "what was written is never changed")
            }
        }
    }

    @Test func theEndOfALongJournal() throws {
        try withTemporaryDirectory { place in
            let journal = try Journal(in: Directory(path: place.path))
            for number in 0..<200 {
                try journal.append(JournalEvent(.note, at: Timestamp(0)).with("message", "\(number)"))
            }
            let events = try Journal.recent(stateDirectory: place.path, limit: 1000)
            let numbers = events.compactMap { $0["message"]?.stringValue.flatMap { Int($0) } }
            #expect(numbers.last == 199)
            #expect(numbers == Array((200 - numbers.count)..<200))
            #expect((2..<200).contains(numbers.count))
            #expect(try Journal.recent(stateDirectory: place.makeDirectory("none")).isEmpty)
        }
    }
}
