import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// `kill -9` at both ends at random moments: no element is lost, none is stored twice, and the next pull goes on.
    @Suite(.serialized) struct TransferKillTests {
        /// More of them by `GB_TEST_KILL_ROUNDS` in the environment.
        static let rounds = ProcessInfo.processInfo.environment["GB_TEST_KILL_ROUNDS"].flatMap { Int($0) } ?? 20
        /// After so many rounds a pull is left to end.
        static let settleEvery = 5

        @Test(.timeLimit(.minutes(60))) func killedTransfersLoseNothing() throws {
            var random = SeededGenerator()
            try withMachines { directory in
                var run = try KillRun(directory)
                try run.addElements(100, &random)
                var duration = try run.settle(random.comment)
                var kills = 0
                for round in 1...Self.rounds {
                    try run.addElements(60, &random)
                    let moment = Double.random(in: 0..<duration, using: &random)
                    if try run.kill(after: moment, &random) { kills += 1 }
                    try run.checkNothingIsLost("round \(round), \(random.comment)")
                    // Measured anew: the moments must lie within a pull, however busy the machine is just now.
                    if round % Self.settleEvery == 0 { duration = try run.settle(random.comment) }
                }
                _ = try run.settle(random.comment)
                #expect(kills > Self.rounds / 4, "most pulls ended before they were killed")
            }
        }
    }
}

/// A machine that gives its elements away, one that fetches them, and what must be at one of them.
private struct KillRun {
    private let a: Machine
    private let b: Machine
    /// `.data` and `.info` by name: size and SHA-512.
    private var expected: [String: String] = [:]
    private var sources = 0

    init(_ directory: TemporaryDirectory) throws {
        a = try Machine("a", in: directory)
        b = try Machine("b", in: directory)
        try a.configure(
            "listeners: [{ agent: b, path: \(a.socket("b")), sender: { policy: move } }]", durability: "element")
        try b.configure(
            "peers: [{ agent: a, socket: \(a.socket("b")), receiver: { policy: store, require_chain: true } }]",
            durability: "element")
    }

    /// Small and large ones: in memory, in partial files, in several frames, and of the sizes at which that changes.
    mutating func addElements(_ count: Int, _ random: inout SeededGenerator) throws {
        let limits = [1, 2, 4096, 131_071, 131_072, 131_073, 262_144, 1_048_576, 1_048_577, 3_000_000]
        var rest = count
        while rest > 0 {
            let length = Int.random(in: 1...5, using: &random)
            let sizes = (0..<length).map { _ in
                Int.random(in: 0..<8, using: &random) == 0
                    ? limits[Int.random(in: limits.indices, using: &random)]
                    : Int.random(in: 1..<60_000, using: &random)
            }
            try a.store("/a/s\(sources)", sizes)
            sources += 1
            rest -= length
        }
        expected.merge(try a.inventory()) { _, new in new }
    }

    /// Starts both ends, and kills one of them, then the other.
    ///
    /// - Returns: Whether the pull was still under way.
    func kill(after moment: Double, _ random: inout SeededGenerator) throws -> Bool {
        let service = try ServiceRun(a)
        let version = Int.random(in: 0..<4, using: &random) == 0 ? "1" : "2"
        let pull = try b.start(["transfer", "pull", "a", "--protocol", version])
        usleep(UInt32(moment * 1e6))
        let isServiceFirst = Bool.random(using: &random)
        (isServiceFirst ? service.process : pull).signal(SIGKILL)
        if Bool.random(using: &random) { usleep(UInt32.random(in: 0..<30_000, using: &random)) }
        (isServiceFirst ? pull : service.process).signal(SIGKILL)
        service.stop(SIGKILL)
        return pull.wait().status != 0
    }

    /// Each element is whole at one of both, or at both; and there is nothing else.
    func checkNothingIsLost(_ comment: Comment) throws {
        let (left, here) = (try visible(a), try visible(b))
        for (name, value) in left.merging(here, uniquingKeysWith: { one, _ in one }) {
            #expect(expected[name] == value, "\(name) is not whole; \(comment)")
        }
        for name in left.keys.filter({ here[$0] != nil }) { #expect(left[name] == here[name], comment) }
        let missing = expected.keys.filter { left[$0] == nil && here[$0] == nil }
        #expect(missing.sorted() == [], "lost; \(comment)")
    }

    /// The files of elements that have metadata: the rest is what a crash left, and no element.
    private func visible(_ machine: Machine) throws -> [String: String] {
        let files = try machine.inventory()
        return files.filter { files[$0.key.dropLast(5) + ".info"] != nil }
    }

    /// Lets a pull run to its end, and looks whether all has come and nothing lies around. Then begins with empty storages.
    ///
    /// - Returns: How many seconds the pull took.
    mutating func settle(_ comment: Comment) throws -> Double {
        let service = try ServiceRun(a)
        let start = DispatchTime.now()
        let pull = try b.gb("transfer", "pull", "a")
        let duration = Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
        service.stop()
        try #require(pull.status == 0, "\(pull.testDescription) \(comment)")
        #expect(try b.inventory() == expected, comment)
        #expect(try a.elementCount() == 0, comment)
        #expect(a.partials() + b.partials() == [], comment)
        try a.expectSound()
        try b.expectSound()
        for machine in [a, b] {
            machine.directory.remove(machine.name + "/data")
            try machine.directory.makeDirectory(machine.name + "/data")
        }
        expected = [:]
        return duration
    }
}
