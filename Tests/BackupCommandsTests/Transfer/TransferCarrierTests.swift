import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// Backups that travel on a stick, as a person sends them.
    @Suite struct TransferCarrierTests {
        /// A machine with six elements that are for `offsite`, to be taken there on a stick.
        private static func home(
            _ directory: TemporaryDirectory, policy: String = "policy: keep"
        ) throws -> Machine {
            let home = try Machine("home", in: directory)
            try home.configure(
                "peers: [{ agent: offsite, directory: \(try stick(directory)), sender: { \(policy) } }]")
            try home.store("/home/root", [300_000, 1, 0])
            try home.store("/home/log", [5000, 131_073, 200])
            return home
        }

        @discardableResult
        private static func stick(_ directory: TemporaryDirectory, _ name: String = "stick") throws -> String {
            try directory.makeDirectory(name)
        }

        private static func elements(_ stick: String) throws -> Int {
            try contentsOfTree(stick, aspects: []).keys.filter { $0.hasSuffix(".info") }.count
        }

        /// A stick that holds so much, a machine that fills it, and the one that it is for.
        private func withSmallStick(
            _ size: String,
            _ body: (TemporaryDirectory, _ stick: String, _ home: Machine, _ offsite: Machine) throws -> Void
        ) throws {
            try withMountedFileSystem("size=" + size) { stick in
                try withMachines { directory in
                    let home = try Machine("home", in: directory)
                    try home.configure("peers: [{ agent: offsite, directory: \(stick), sender: { policy: keep } }]")
                    try body(directory, stick, home, try Machine("offsite", in: directory))
                }
            }
        }

        // MARK: - There and back

        @Test(arguments: [
            "policy: keep", "policy: copies, copies: 1", "policy: move, mark_as_done: true", "policy: move",
        ])
        func thereAndBackAndNothingTwice(policy: String) throws {
            try withMachines { directory in
                let home = try Self.home(directory, policy: policy)
                let offsite = try Machine("offsite", in: directory)
                let stick = directory.path("stick")
                let before = try home.inventory()
                let first = try home.good("transfer", "push", "offsite")
                #expect(first.output.hasPrefix("6 elements copied (436 kB), 0 elements confirmed"), "\(first.output)")
                try offsite.good("transfer", "pull", "--from-directory", stick)
                #expect(try offsite.inventory() == before)
                #expect(try home.inventory() == before)
                let back = try home.counts("push", "--to-directory", stick)
                #expect(back["confirmed"] == 6)
                #expect(back["released"] == (policy == "policy: move" ? 6 : 0))
                #expect(back["stored"] == 0)
                #expect(try Self.elements(stick) == 0)
                #expect(try home.inventory() == (policy == "policy: move" ? [:] : before))
                let status = try home.good("transfer", "status", "--json").jsonLines()
                #expect(status.map { $0["waiting_elements"] as? Int } == [0])
                try home.store("/home/new", [7])
                let again = try home.counts("push", "offsite")
                #expect(again["stored"] == 1)
                #expect(again["confirmed"] == 0)
                #expect(try offsite.counts("pull", "--from-directory", stick)["stored"] == 1)
                try home.expectSound()
                try offsite.expectSound()
                #expect(directory.names("stick") == ["carrier.json", "data", "data.partial", "receipts"])
                #expect(directory.names("stick/data.partial") == [])
                #expect(directory.names("stick/receipts") == ["offsite.jsonl"])
            }
        }

        @Test func twoSticksByTurns() throws {
            try withMachines { directory in
                let home = try Self.home(directory)
                let offsite = try Machine("offsite", in: directory)
                let (red, blue) = (try Self.stick(directory, "red"), try Self.stick(directory, "blue"))
                #expect(try home.counts("push", "--to-directory", red)["stored"] == 6)
                try home.store("/home/new", [7])
                #expect(try home.counts("push", "--to-directory", blue)["stored"] == 7)
                #expect(try offsite.counts("pull", "--from-directory", red)["stored"] == 6)
                let redBack = try home.counts("push", "--to-directory", red)
                #expect(redBack["confirmed"] == 6)
                #expect(redBack["stored"] == 1)
                let there = try offsite.counts("pull", "--from-directory", blue)
                #expect(there["stored"] == 1)
                #expect(there["present"] == 6)
                #expect(try home.counts("push", "--to-directory", blue)["stored"] == 0)
                #expect(try Self.elements(blue) == 0)
                #expect(try Self.elements(red) == 1)
                #expect(try offsite.counts("pull", "--from-directory", red)["present"] == 1)
                #expect(try home.counts("push", "--to-directory", red)["stored"] == 0)
                #expect(try Self.elements(red) == 0)
                #expect(try offsite.inventory() == home.inventory())
                try offsite.expectSound()
            }
        }

        /// Nobody takes over from them: each stick has all.
        @Test func sticksThatAreTheCopyThemselves() throws {
            try withMachines { directory in
                let home = try Machine("home", in: directory)
                let (red, blue) = (try Self.stick(directory, "red"), try Self.stick(directory, "blue"))
                try home.configure(
                    """
                    peers:
                      - { agent: red, directory: \(red), sender: { policy: keep } }
                      - { agent: blue, directory: \(blue), sender: { policy: keep } }
                    """)
                try home.store("/home/root", [300_000, 1, 0])
                try home.good("transfer", "push", "red")
                try home.store("/home/log", [5000])
                try home.good("transfer", "push", "blue")
                #expect(try home.counts("push", "red")["stored"] == 1)
                #expect(try home.counts("push", "blue")["stored"] == 0)
                for stick in ["red", "blue"] {
                    let reader = try Machine("reader-" + stick, in: directory, storage: directory.path(stick + "/data"))
                    #expect(try reader.inventory() == home.inventory())
                    try reader.expectSound()
                }
            }
        }

        /// What is written in the example, with the paths of this machine in place of its own.
        @Test func theExampleWorksAsItIsWritten() throws {
            try withMachines { directory in
                let stick = try Self.stick(directory, "media/guerillabackup")
                let home = try Machine("machine", in: directory)
                let offsite = try Machine("other", in: directory)
                try home.configure(example: "usb-stick/config", stick)
                try offsite.configure(example: "usb-stick/offsite/config", stick)
                try home.store("/home/root", [300_000, 1, 0])
                let before = try home.inventory()
                #expect(try home.counts("push", "offsite")["stored"] == 3)
                #expect(try offsite.counts("pull", "home")["stored"] == 3)
                #expect(try offsite.inventory(below: "/home") == before)
                let back = try home.counts("push", "offsite")
                #expect(back["confirmed"] == 3)
                #expect(back["stored"] == 0)
                #expect(try Self.elements(stick) == 0)
                #expect(try home.inventory() == before)
            }
        }

        /// A share that is always mounted.
        @Test func aServiceFillsAndEmptiesADirectoryByItself() throws {
            try withMachines { directory in
                let share = try Self.stick(directory)
                let home = try Machine("home", in: directory)
                try home.configure(
                    "peers: [{ agent: offsite, directory: \(share), every: 1h, sender: { policy: keep } }]")
                try home.store("/home/root", [300_000, 1, 0])
                let offsite = try Machine("offsite", in: directory)
                try offsite.configure(
                    "peers: [{ agent: home, directory: \(share), every: 1h, receiver: { policy: store } }]")
                try withServices(home) {
                    #expect(waitUntil(30, interval: 0.05) { (try? Self.elements(share)) == 3 })
                }
                try withServices(offsite) {
                    #expect(waitUntil(30, interval: 0.05) { (try? offsite.elementCount()) == 3 })
                }
                #expect(try offsite.inventory() == home.inventory())
                #expect(try home.counts("push", "offsite")["confirmed"] == 3)
            }
        }

        // MARK: - Names

        @Test func aMachineWithAnotherNameIsToldAtBothEnds() throws {
            try withMachines { directory in
                let home = try Self.home(directory)
                let stick = directory.path("stick")
                try home.good("transfer", "push", "offsite")
                let laptop = try Machine("laptop", in: directory)
                expectRefusal(
                    try laptop.gb("transfer", "pull", "--from-directory", stick), 3,
                    "was filled for offsite, and this machine is laptop: its receipts will not count",
                    "set transfer.agent here to that name, and pull again")
                #expect(try laptop.inventory() == home.inventory())
                expectRefusal(
                    try home.gb("transfer", "push", "offsite"), 3,
                    "has receipts of laptop, to whom this machine sends nothing",
                    "if that is offsite, set transfer.agent there")
                #expect(try Self.elements(stick) == 6)
                // As the message says.
                try directory.write(
                    "laptop/conf/config",
                    String(decoding: try directory.read("laptop/conf/config"), as: UTF8.self)
                        .replacingOccurrences(of: "agent: laptop", with: "agent: offsite"))
                #expect(try laptop.counts("pull", "--from-directory", stick)["present"] == 6)
                directory.remove("stick/receipts/laptop.jsonl")
                #expect(try home.counts("push", "offsite")["confirmed"] == 6)
            }
        }

        @Test func aMachineWithoutANameIsToldWhichOne() throws {
            try withMachines { directory in
                let home = try Self.home(directory)
                try home.good("transfer", "push", "offsite")
                let other = try Machine("other", in: directory)
                try directory.write(
                    "other/conf/config",
                    String(decoding: try directory.read("other/conf/config"), as: UTF8.self)
                        .replacingOccurrences(of: "  agent: other\n", with: ""))
                expectRefusal(
                    try other.gb("transfer", "pull", "--from-directory", directory.path("stick")), 78,
                    "this machine has no name", "the medium was filled for offsite")
            }
        }

        // MARK: - Sticks that are not as they should be

        @Test func aStickThatIsNotMounted() throws {
            try withMachines { directory in
                let home = try Self.home(directory)
                let offsite = try Machine("offsite", in: directory)
                directory.remove("stick")
                expectRefusal(try home.gb("transfer", "push", "offsite"), 66, "check that it is mounted")
                expectRefusal(
                    try offsite.gb("transfer", "pull", "--from-directory", directory.path("stick")), 66,
                    "check that it is mounted")
                #expect(!directory.exists("stick"))
                try Self.stick(directory)
                expectRefusal(
                    try offsite.gb("transfer", "pull", "--from-directory", directory.path("stick")), 66,
                    "holds nothing to pull")
                #expect(directory.names("stick") == [])
            }
        }

        @Test func theStorageOfTheMachineIsNoStick() throws {
            try withMachines { directory in
                let home = try Self.home(directory)
                let before = try home.inventory()
                for place in ["home/data", "home"] {
                    expectRefusal(
                        try home.gb("transfer", "push", "--to-directory", directory.path(place)), 64,
                        "this machine's own storage")
                }
                try directory.link("stick/data", to: home.storage)
                expectRefusal(try home.gb("transfer", "push", "offsite"), 64, "this machine's own storage")
                #expect(try home.inventory() == before)
            }
        }

        @Test func aStickThatIsFullTakesThemInSeveralJourneys() throws {
            try withSmallStick("4m") { directory, stick, home, offsite in
                for index in 0..<9 { try home.store("/home/s\(index)", [1_000_000]) }
                let before = try home.inventory()
                var journeys = 0
                while try offsite.elementCount() < 9, journeys < 9 {
                    let push = try home.gb("transfer", "push", "offsite")
                    let onStick = try Self.elements(stick)
                    #expect(onStick > 0, "\(push.testDescription)")
                    if push.status != 0 { expectRefusal(push, 75, "is full: what is on it is whole") }
                    let reader = try Machine(
                        "reader\(journeys)", in: directory, storage: stick + "/data")
                    try reader.good("storage", "verify")
                    #expect(try offsite.counts("pull", "--from-directory", stick)["stored"] == onStick)
                    journeys += 1
                }
                #expect((3...4).contains(journeys), "\(journeys)")
                #expect(try offsite.inventory() == before)
                let last = try home.counts("push", "offsite")
                #expect(last["stored"] == 0)
                #expect(try Self.elements(stick) == 0)
                try offsite.expectSound()
            }
        }

        /// Not even a receipt finds room.
        @Test func aStickWithoutAByteIsPulledFromAllTheSame() throws {
            try withSmallStick("2m") { _, stick, home, offsite in
                try home.store("/home/root", [100_000, 300])
                try home.good("transfer", "push", "offsite")
                try runTool("sh", "-c", "cat /dev/zero > \(stick)/filler; true")
                let pull = try offsite.gb("transfer", "pull", "--from-directory", stick)
                expectRefusal(pull, 3, "receipts could not be left", "No space left on device")
                #expect(try offsite.inventory() == home.inventory())
                unlink(stick + "/filler")
                try offsite.good("transfer", "pull", "--from-directory", stick)
                try runTool("sh", "-c", "cat /dev/zero > \(stick)/filler; true")
                // It can be cleared only when there is room for what says so.
                _ = try home.gb("transfer", "push", "offsite")
                unlink(stick + "/filler")
                let push = try home.gb("transfer", "push", "offsite")
                #expect(push.status == 0, "\(push.testDescription)")
                #expect(try Self.elements(stick) == 0)
                #expect(try home.counts("push", "offsite")["stored"] == 0)
            }
        }

        @Test func aStickThatCannotBeWrittenIsPulledFromAllTheSame() throws {
            try withSmallStick("2m") { _, stick, home, offsite in
                try home.store("/home/root", [100_000, 300])
                try home.good("transfer", "push", "offsite")
                try home.store("/home/new", [5])
                try remountReadOnly(stick)
                let pull = try offsite.gb("transfer", "pull", "--from-directory", stick)
                expectRefusal(pull, 3, "receipts could not be left", "Read-only file system")
                #expect(try offsite.elementCount() == 2)
                expectRefusal(try home.gb("transfer", "push", "offsite"), 1, "Read-only file system")
            }
        }

        @Test func aStickOutOfStrangeHands() throws {
            try withMachines { directory in
                let home = try Self.home(directory)
                let offsite = try Machine("offsite", in: directory)
                let stick = directory.path("stick")
                try home.good("transfer", "push", "offsite")
                try directory.write("outside", "mine\n")
                try directory.makeDirectory("stick/receipts")
                try directory.link("stick/receipts/offsite.jsonl", to: directory.path("outside"))
                expectRefusal(
                    try offsite.gb("transfer", "pull", "--from-directory", stick), 3, "receipts could not be left",
                    "Too many levels of symbolic links")
                expectRefusal(
                    try home.gb("transfer", "push", "offsite"), 3, "symbolic links are never followed there")
                directory.remove("stick/receipts/offsite.jsonl")
                try directory.makeFIFO("stick/receipts/offsite.jsonl")
                expectRefusal(
                    try offsite.gb("transfer", "pull", "--from-directory", stick), 3, "receipts could not be left")
                expectRefusal(try home.gb("transfer", "push", "offsite"), 3, "is no file of receipts")
                #expect(try directory.read("outside") == Array("mine\n".utf8))
                directory.remove("stick/receipts")
                try offsite.good("transfer", "pull", "--from-directory", stick)
                #expect(try home.counts("push", "offsite")["confirmed"] == 6)
                #expect(try offsite.inventory() == home.inventory())
            }
        }

        // MARK: - Pulled out

        /// `kill -9` of push and pull at random moments, as when the stick is pulled out: in the end each element is at the
        /// other machine once and whole, and nothing lies around.
        @Test(.timeLimit(.minutes(10)), arguments: ["policy: move", "policy: keep"])
        func aStickThatIsPulledOut(policy: String) throws {
            var random = SeededGenerator()
            try withMachines { directory in
                let home = try Self.home(directory, policy: policy)
                let offsite = try Machine("offsite", in: directory)
                let stick = directory.path("stick")
                var expected = try home.inventory()
                var kills = 0
                func killed(_ machine: Machine, _ words: [String], within time: Double) throws {
                    let process = try machine.start(["transfer"] + words)
                    usleep(UInt32(Double.random(in: 0..<time, using: &random) * 1e6))
                    process.signal(SIGKILL)
                    if process.wait().status != 0 { kills += 1 }
                }
                let start = DispatchTime.now()
                try home.good("transfer", "push", "offsite")
                let quick = Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
                for round in 0..<12 {
                    for index in 0..<12 {
                        let size = Int.random(in: 0..<5, using: &random) == 0 ? 2_000_000 : 3000
                        try home.store("/home/r\(round)s\(index)", [Int.random(in: 1..<size, using: &random)])
                    }
                    expected.merge(try home.inventory()) { _, new in new }
                    try killed(home, ["push", "offsite"], within: quick * 3)
                    try killed(offsite, ["pull", "--from-directory", stick], within: quick * 3)
                    // Nothing is lost: each element is at one of both.
                    let (here, there) = (try home.inventory(), try offsite.inventory())
                    let missing = expected.keys.filter { here[$0] == nil && there[$0] == nil }
                    #expect(missing == [], "round \(round), \(random.comment)")
                }
                #expect(kills > 5, "most ended before they were killed; \(random.comment)")
                try home.good("transfer", "push", "offsite")
                try offsite.good("transfer", "pull", "--from-directory", stick)
                let last = try home.good("transfer", "push", "offsite")
                #expect(try offsite.inventory() == expected, random.comment)
                #expect(try home.inventory() == (policy == "policy: move" ? [:] : expected), "\(last.output)")
                #expect(try Self.elements(stick) == 0, random.comment)
                #expect(!directory.exists("stick/receipts/offsite.jsonl"))
                #expect(directory.names("stick/data.partial") == [])
                #expect(home.partials() + offsite.partials() == [], random.comment)
                try home.expectSound()
                try offsite.expectSound()
            }
        }
    }
}

extension Machine {
    /// Takes over the part `transfer` of a file of `etc/examples`, with the stick that is there at `stick`.
    fileprivate func configure(example: String, _ stick: String) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("etc/examples/" + example), encoding: .utf8)
        let transfer = try #require(text.components(separatedBy: "\ntransfer:\n").last)
        let own = String(decoding: try directory.read(name + "/conf/config"), as: UTF8.self)
        let general = try #require(own.components(separatedBy: "transfer:\n").first)
        let place = "/media/offsite/guerillabackup"
        #expect(transfer.contains(place))
        try directory.write(
            name + "/conf/config", general + "transfer:\n" + transfer.replacingOccurrences(of: place, with: stick))
    }
}
