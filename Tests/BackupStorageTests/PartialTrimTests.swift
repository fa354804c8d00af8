import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Glibc
import Testing

/// Partial files of one owner are kept within what it may have; the oldest go first.
@Suite struct PartialTrimTests {
    /// A storage with files of 100, 200, 300 bytes of `mine`, oldest first, and what must never go.
    private func withPartials(_ body: (DefaultFileStorage, TemporaryDirectory) throws -> Void) throws {
        try withTemporaryDirectory { place in
            let storage = try DefaultFileStorage(path: place.path("store"), durability: .none, create: true)
            // The order of the names is not that of the times.
            for (number, index) in [2, 0, 1].enumerated() {
                try make(storage, Self.key(UInt8(index)), (number + 1) * 100, "mine")
                setTime(place, UInt8(index), 1000 + number)
            }
            try make(storage, Self.key(8), 5000, "other")
            setTime(place, 8, 1)
            try body(storage, place)
            #expect(left(place).contains(8), "that of somebody else")
        }
    }

    private static func key(_ number: UInt8) -> PartialKey { PartialKey([UInt8](repeating: number, count: 16)) }

    private func make(_ storage: DefaultFileStorage, _ key: PartialKey, _ size: Int, _ owner: String) throws {
        let file = try storage.openPartial(key)
        try file.descriptor.write([UInt8](repeating: 1, count: size))
        try file.checkpoint([1, 2, 3], owner: owner)
        file.close()
    }

    private func setTime(_ place: TemporaryDirectory, _ number: UInt8, _ seconds: Int) {
        let name = String(repeating: "0\(number)", count: 16) + ".partial"
        var times = [timeval(tv_sec: seconds, tv_usec: 0), timeval(tv_sec: seconds, tv_usec: 0)]
        #expect(utimes(place.path("store.partial/" + name), &times) == 0)
    }

    /// The numbers of the keys whose files are there; each with its note.
    private func left(_ place: TemporaryDirectory) -> [Int] {
        let names = place.names("store.partial")
        let numbers = names.filter { $0.hasSuffix(".partial") }.compactMap { Int($0.prefix(2)) }
        #expect(names.count == 2 * numbers.count, "\(names)")
        return numbers
    }

    private func expectRemoved(
        _ number: Int, _ storage: DefaultFileStorage, bytes: Int64? = nil, count: Int = 100,
        sparing: Set<PartialKey> = [], location: SourceLocation = #_sourceLocation
    ) throws {
        let allowance = PartialAllowance(bytes: bytes, count: count, sparing: sparing)
        let removed = try storage.removePartials(of: "mine", beyond: allowance)
        #expect(removed == number, sourceLocation: location)
    }

    @Test func theOldestGoUntilTheBytesFit() throws {
        try withPartials { storage, place in
            try expectRemoved(0, storage)
            try expectRemoved(0, storage, bytes: 600)
            try expectRemoved(1, storage, bytes: 599)
            #expect(left(place) == [0, 1, 8])
            try expectRemoved(2, storage, bytes: 299)
            #expect(left(place) == [8])
        }
    }

    @Test func theOldestGoUntilTheNumberFits() throws {
        try withPartials { storage, place in
            try expectRemoved(0, storage, count: 3)
            try expectRemoved(2, storage, count: 1)
            #expect(left(place) == [1, 8])
        }
    }

    @Test func whatIsSparedDoesNotCount() throws {
        try withPartials { storage, place in
            try expectRemoved(0, storage, bytes: 300, sparing: [Self.key(1)])
            try expectRemoved(2, storage, bytes: 0, sparing: [Self.key(2)])
            #expect(left(place) == [2, 8])
        }
    }

    @Test func whatIsHeldStays() throws {
        try withPartials { storage, place in
            let held = try storage.openPartial(Self.key(2))
            try expectRemoved(2, storage, bytes: 0)
            #expect(left(place) == [2, 8])
            #expect(try held.note() == [1, 2, 3])
            held.close()
        }
    }

    @Test func givenUpItStaysOnlyWithANote() throws {
        try withTemporaryDirectory { place in
            let storage = try DefaultFileStorage(path: place.path("store"), durability: .none, create: true)
            let noted = try storage.openPartial(Self.key(1))
            try noted.descriptor.write([1, 2, 3])
            try noted.checkpoint([7])
            noted.giveUp()
            noted.giveUp()
            let other = try storage.openPartial(Self.key(2))
            try other.descriptor.write([1, 2, 3])
            other.giveUp()
            #expect(left(place) == [1])
            let again = try storage.openPartial(Self.key(1))
            #expect(try again.note() == [7])
            // Found with its note, it is kept again.
            again.giveUp()
            #expect(left(place) == [1])
        }
    }
}
