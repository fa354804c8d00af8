import BackupModel
import BackupStorage
import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// `kill -9` at random moments: what is visible is whole, and the next run goes on.
    @Suite(.serialized) struct KillTests {
        /// Rounds without and with encryption; together 200.
        static let plainRounds = 150
        static let encryptedRounds = 50
        static let restoreRounds = 20
        /// After so many rounds a run is left to end.
        static let settleEvery = 8

        @Test(.timeLimit(.minutes(10)), arguments: [(false, plainRounds), (true, encryptedRounds)])
        func killedBackupsLeaveNothingHalf(isEncrypted: Bool, rounds: Int) throws {
            let keys = try #require(Keys.current)
            let encryption = isEncrypted ? "{ recipients: [\(keys.good)] }" : "none"
            var random = SeededGenerator()
            try withSite(encryption: encryption, keys: keys.ring, durability: "element") { site in
                try site.addTar()
                var tree = ChangingTree(site.tree)
                try tree.fill(&random)
                var duration = try Self.duration { try site.backUp() }
                var seen: Set<String> = []
                var kills = 0
                for round in 1...rounds {
                    try tree.change(&random)
                    let flags = Int.random(in: 0..<8, using: &random) == 0 ? ["--full"] : []
                    let process = try site.start(["generator", "once", "--now"] + flags)
                    usleep(UInt32.random(in: 0..<UInt32(duration * 1e6), using: &random))
                    process.signal(SIGKILL)
                    let result = process.wait()
                    try #require([0, 128 + 9].contains(result.status), "\(result.testDescription) \(random.comment)")
                    if result.status != 0 { kills += 1 }
                    let left = process.leftOver()
                    try #require(left == [], "processes that stay alone, round \(round); \(random.comment)")
                    try Self.checkNewElements(site, &seen, "round \(round), \(random.comment)")
                    if round % Self.settleEvery == 0 {
                        // Measured anew: the moments must lie within a run, however busy the machine is just now.
                        duration = try Self.duration { try site.backUp() }
                        try Self.checkNoRubbish(site, "round \(round), \(random.comment)")
                    }
                }
                #expect(kills > rounds / 5, "most runs ended before they were killed")
                try Self.checkEnd(site, random.comment)
            }
        }

        /// Each element that became visible has all its bytes.
        private static func checkNewElements(_ site: Site, _ seen: inout Set<String>, _ comment: String) throws {
            for name in try site.storedFiles() where name.hasSuffix(".info") && seen.insert(name).inserted {
                let info = try site.directory.read("storage/" + name)
                let object = try #require(
                    try JSONSerialization.jsonObject(with: Data(info)) as? [String: Any], "\(name), \(comment)")
                let data = try site.directory.read("storage/" + name.dropLast(4) + "data")
                #expect(
                    object["StorageFileChecksumSha512"] as? String == Base64.encode(DataDigest.sha512(data)),
                    "\(name), \(comment)")
            }
        }

        /// After a run that ended, only elements and the files of the unit's state are there.
        private static func checkNoRubbish(_ site: Site, _ comment: String) throws {
            let files = try site.storedFiles()
            let infos = Set(files.filter { $0.hasSuffix(".info") }.map { $0.dropLast(4) + "" })
            #expect(Set(files) == Set(infos.flatMap { [$0 + "info", $0 + "data"] }), "\(comment)")
            let state = site.directory.names("state/generators/Home")
            #expect(
                Set(state).isSubset(of: [
                    "state.current", "state.old", "host-home.index", "host-home.settings", "unit.lock",
                ]),
                "\(state), \(comment)")
        }

        private static func checkEnd(_ site: Site, _ comment: Comment) throws {
            try site.backUp()
            try checkNoRubbish(site, "the end")
            let verify = try site.gb("storage", "verify")
            #expect(verify.status == 0, "\(verify.testDescription) \(comment)")
            let infos = try site.good("storage", "list", "--json").jsonLines().compactMap {
                $0["info"] as? [String: Any]
            }
            #expect(infos.count { $0["Predecessor"] == nil } == 1, "one chain; \(comment)")
            #expect(infos.count { $0["BackupType"] as? String == "full" } < infos.count, "no increment at all")
            try site.good("restore", "extract", "/host/home", "--to", site.directory.path("out"))
            #expect(try site.restoredEquals("out") == [], comment)
        }

        @Test(.timeLimit(.minutes(10))) func killedRestoresNeverReportSuccess() throws {
            var random = SeededGenerator()
            try withSite { site in
                try site.addTar()
                var tree = ChangingTree(site.tree)
                try tree.fill(&random)
                try site.backUp()
                try tree.change(&random)
                try site.backUp()
                let before = try contentsOfTree(site.storage)
                let words = ["restore", "extract", "/host/home", "--to"]
                let duration = try Self.duration {
                    try #require(try site.start(words + [site.directory.path("out")]).wait().status == 0)
                }
                for round in 1...Self.restoreRounds {
                    let name = "out\(round)"
                    let process = try site.start(words + [site.directory.path(name)])
                    usleep(UInt32.random(in: 0..<UInt32(duration * 1e6), using: &random))
                    process.signal(SIGKILL)
                    let result = process.wait()
                    #expect(process.leftOver() == [], random.comment)
                    if result.status == 0 {
                        #expect(try site.restoredEquals(name) == [], random.comment)
                    } else {
                        #expect(result.status == 128 + 9, random.comment)
                        #expect(result.output == "", random.comment)
                    }
                    site.directory.remove(name)
                }
                #expect(treeDifferences(before, try contentsOfTree(site.storage)) == [], random.comment)
            }
        }

        private static func duration(_ body: () throws -> Void) throws -> Double {
            let start = DispatchTime.now()
            try body()
            return Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
        }
    }
}

/// A tree of a few megabytes that changes from run to run as trees do.
private struct ChangingTree {
    private let root: String
    private var files: [String] = []
    private var counter = 0

    init(_ root: String) { self.root = root }

    mutating func fill(_ random: inout SeededGenerator) throws {
        for directory in 0..<20 {
            try FileManager.default.createDirectory(
                atPath: "\(root)/d\(directory)", withIntermediateDirectories: true)
            for _ in 0..<15 { try add("d\(directory)", &random) }
        }
    }

    private mutating func add(_ directory: String, _ random: inout SeededGenerator) throws {
        counter += 1
        let name = "\(directory)/f\(counter)"
        try write(name, &random)
        files.append(name)
    }

    private func write(_ name: String, _ random: inout SeededGenerator) throws {
        let bytes = random.bytes(Int.random(in: 0..<16000, using: &random))
        try Data(bytes).write(to: URL(fileURLWithPath: root + "/" + name))
    }

    /// A few files are written, added, removed, renamed.
    mutating func change(_ random: inout SeededGenerator) throws {
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let index = Int.random(in: files.indices, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: try write(files[index], &random)
            case 1: try add("d\(Int.random(in: 0..<20, using: &random))", &random)
            case 2 where files.count > 100:
                try FileManager.default.removeItem(atPath: root + "/" + files.remove(at: index))
            default:
                counter += 1
                let name = "d\(Int.random(in: 0..<20, using: &random))/r\(counter)"
                try FileManager.default.moveItem(atPath: root + "/" + files[index], toPath: root + "/" + name)
                files[index] = name
            }
        }
    }
}
