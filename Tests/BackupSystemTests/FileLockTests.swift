import BackupModel
import BackupTestKit
import Glibc
import Synchronization
import Testing

@testable import BackupSystem

@Suite struct FileLockTests {
    private final class Counts: Sendable {
        let holders = Atomic<Int>(0)
        let taken = Atomic<Int>(0)
        /// Times that somebody else held the lock too. Expectations would not know their test in a thread of its own.
        let violations = Atomic<Int>(0)
    }

    @Test func oneHolderAtATime() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            let lock = try FileLock.acquire("x.lock", in: directory, note: "4711 gb\nmore")
            #expect(try FileLock.isHeld("x.lock", in: directory))
            #expect(try FileLock.takeOver("x.lock", in: directory) == nil)
            let error = try #require(throws: BackupError.self) { _ = try FileLock.acquire("x.lock", in: directory) }
            #expect(error.code == .busy)
            #expect(error.message.contains("4711 gb"))
            #expect(!error.message.contains("more"))
            #expect(!error.remedy.isEmpty)
            lock.release()
            lock.release()
            #expect(!place.exists("x.lock"))
            #expect(try !FileLock.isHeld("x.lock", in: directory))
            let next = try FileLock.acquire("x.lock", in: directory)
            #expect(place.exists("x.lock"))
            next.release()
        }
    }

    @Test func aBlankNoteIsWrittenOver() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            let lock = try FileLock.acquire("x.lock", in: directory)
            try lock.append("one\n")
            try lock.append("two\n")
            try lock.blank()
            #expect(try directory.readFile("x.lock", limit: 100) == Array("\n\n\n\n\n\n\n\n".utf8))
            try lock.append("a\n")
            try lock.append("b\n")
            #expect(try directory.readFile("x.lock", limit: 100) == Array("a\nb\n\n\n\n\n".utf8))
            try lock.append("longer than before\n")
            #expect(try directory.readFile("x.lock", limit: 100) == Array("a\nb\nlonger than before\n".utf8))
            lock.release()
        }
    }

    @Test func endsWithItsOwner() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            do {
                let lock = try FileLock.acquire("x.lock", in: directory)
                withExtendedLifetime(lock) { #expect(place.exists("x.lock")) }
            }
            #expect(!place.exists("x.lock"))
        }
    }

    /// The note of a hostile or damaged file must not forge lines or fill the message.
    @Test func quotesNoHostileNote() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            let note = "\u{1b}[2J" + String(repeating: "x", count: 100_000)
            let lock = try FileLock.acquire("x.lock", in: directory, note: note)
            let error = try #require(throws: BackupError.self) { _ = try FileLock.acquire("x.lock", in: directory) }
            #expect(error.code == .busy)
            #expect(!error.message.contains("\u{1b}"))
            #expect(error.message.count < 1000)
            lock.release()
        }
    }

    /// Eight threads take and release one lock over and over: never two hold it, and the file that one removes is never
    /// taken for the lock by another.
    @Test func excludesThreads() async throws {
        try await withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            let counts = Counts()
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        do throws(BackupError) {
                            try await BlockingThread.run("lock \(number)") { () throws(BackupError) in
                                var left = 100
                                while left > 0 {
                                    do throws(BackupError) {
                                        let lock = try FileLock.acquire("x.lock", in: directory, note: "\(number)")
                                        let count = counts.holders.add(1, ordering: .sequentiallyConsistent).newValue
                                        if count != 1 { counts.violations.add(1, ordering: .relaxed) }
                                        counts.taken.add(1, ordering: .relaxed)
                                        counts.holders.subtract(1, ordering: .sequentiallyConsistent)
                                        lock.release()
                                        left -= 1
                                    } catch {
                                        guard error.code == .busy else { throw error }
                                        sched_yield()
                                    }
                                }
                            }
                        } catch { Issue.record(error) }
                    }
                }
            }
            #expect(counts.violations.load(ordering: .relaxed) == 0)
            #expect(counts.taken.load(ordering: .relaxed) == 800)
            #expect(place.names().isEmpty)
        }
    }

    /// Another process holds the lock, is killed, and the lock is free with its note still there.
    @Test(.timeLimit(.minutes(10))) func endsWithAKilledProcess() throws {
        try withTemporaryDirectory { place in
            let path = try place.write("x.lock", "what I was about to do")
            let directory = try Directory(path: place.path)
            let process = try ToolRun.spawn([
                "/bin/sh", "-c", "exec 9<>\"$0\"; /usr/bin/flock 9; : > \"$1\"; exec sleep 600", path,
                place.path("ready"),
            ])
            defer { kill(process, SIGKILL) }
            while !place.exists("ready") { usleep(10_000) }
            #expect(try FileLock.isHeld("x.lock", in: directory))
            #expect(throws: BackupError.self) { _ = try FileLock.acquire("x.lock", in: directory) }
            #expect(try FileLock.takeOver("x.lock", in: directory) == nil)
            kill(process, SIGKILL)
            ToolRun.reap(process)
            #expect(try !FileLock.isHeld("x.lock", in: directory))
            let (lock, note) = try #require(try FileLock.takeOver("x.lock", in: directory))
            #expect(note == "what I was about to do")
            #expect(try FileLock.isHeld("x.lock", in: directory))
            lock.release()
            #expect(!place.exists("x.lock"))
        }
    }

    @Test func takesOverWhatACrashLeft() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            #expect(try FileLock.takeOver("x.lock", in: directory) == nil, "there is none")
            #expect(!place.exists("x.lock"))
            try FileLock.acquire("x.lock", in: directory, note: "note").abandon()
            #expect(try place.read("x.lock") == Array("note".utf8))
            #expect(try !FileLock.isHeld("x.lock", in: directory))
            let (lock, note) = try #require(try FileLock.takeOver("x.lock", in: directory))
            #expect(note == "note")
            lock.abandon()
            // Taken in the ordinary way, the old note is gone.
            let next = try FileLock.acquire("x.lock", in: directory, note: "n")
            #expect(try place.read("x.lock") == Array("n".utf8))
            next.release()
        }
    }
}
