import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Glibc
import Testing

/// A stick that somebody has prepared: nothing is written elsewhere, nothing hangs, and what can be done is done.
@Suite struct HostileCarrierTests {
    enum Trap: CaseIterable, Sendable {
        case link, danglingLink, hardLink, fifo, directory
        case receiptsLink, receiptsFIFO, receiptsFile, lockFIFO, lockLink, temporaryDirectory
    }

    /// Puts the trap where the receipts of `offsite` belong, and the file that it points to beside the stick.
    private static func set(_ trap: Trap, _ stick: Stick, _ directory: TemporaryDirectory) throws {
        let (folder, file) = (stick.name + "/receipts", stick.receipts("offsite"))
        try directory.write("outside", "mine\n")
        try directory.makeDirectory("elsewhere")
        if ![Trap.receiptsLink, .receiptsFIFO, .receiptsFile].contains(trap) { try directory.makeDirectory(folder) }
        switch trap {
        case .link: try directory.link(file, to: directory.path("outside"))
        case .danglingLink: try directory.link(file, to: directory.path("elsewhere/new"))
        case .hardLink:
            let (old, new) = (directory.path("outside"), directory.path(file))
            try systemCall("link", new) { Glibc.link(old, new) }
        case .fifo: try directory.makeFIFO(file)
        case .directory: try directory.makeDirectory(file)
        case .receiptsLink: try directory.link(folder, to: directory.path("elsewhere"))
        case .receiptsFIFO: try directory.makeFIFO(folder)
        case .receiptsFile: try directory.write(folder, "")
        case .lockFIFO: try directory.makeFIFO(folder + "/lock")
        case .lockLink: try directory.link(folder + "/lock", to: directory.path("elsewhere/lock"))
        case .temporaryDirectory:
            try directory.makeDirectory(file + ".tmp/in/it")
        }
    }

    @Test(.timeLimit(.minutes(2)), arguments: Trap.allCases)
    func `Receipts are neither left nor read through what is no file`(trap: Trap) async throws {
        try await withTemporaryDirectory { directory in
            let (home, offsite) = (try Machine("home", in: directory), try Machine("offsite", in: directory))
            let stick = try Stick(in: directory)
            let elements = try home.chain("/host1/root", 3)
            _ = try await home.push(to: stick, home.keep)
            try Self.set(trap, stick, directory)
            let pull = try await offsite.pull(from: stick)
            #expect(pull.failure == nil)
            #expect(try offsite.count() == 3, "what it carries is worth having")
            let isLeft = trap == .temporaryDirectory
            #expect(offsite.events.receiptTroubles.count == (isLeft ? 0 : 1))
            if !isLeft {
                #expect(
                    offsite.events.receiptTroubles.first?.description.contains("receipts could not be left") == true)
            }
            let push = try await home.push(to: stick, home.keep)
            #expect(push.outcome.failure == nil)
            #expect(push.returns.confirmed == (isLeft ? 3 : 0))
            #expect(try home.holders(of: elements[0]) == (isLeft ? ["offsite"] : []))
            let isSilent = [Trap.lockFIFO, .lockLink].contains(trap)
            #expect(home.events.receiptTroubles.isEmpty == isSilent, "\(home.events.receiptTroubles)")
            #expect(try directory.read("outside") == Array("mine\n".utf8))
            #expect(directory.names("elsewhere") == [])
        }
    }

    @Test func `A link in place of the storage leads nowhere, not even to the sender's own`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, offsite) = (try Machine("home", in: directory), try Machine("offsite", in: directory))
            let stick = try Stick(in: directory)
            let elements = try home.chain("/host1/root", 2)
            try directory.link(stick.name + "/data", to: home.files.root.path)
            try stick.write(elements.map { try home.receipt($0, by: "offsite") }, "offsite")
            let error = await #expect(throws: BackupError.self) { _ = try await home.push(to: stick, home.keep) }
            #expect(error?.code == .untrusted)
            await #expect(throws: BackupError.self) { _ = try await offsite.pull(from: stick) }
            #expect(try home.count() == 2)
            #expect(try offsite.count() == 0)
        }
    }

    @Test func `Partial files and the label do not leave the stick`() async throws {
        try await withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            let stick = try Stick(in: directory)
            try home.chain("/host1/root", 1, size: 3_000_000)
            try directory.makeDirectory("elsewhere")
            try directory.write("outside", "mine")
            try directory.link(stick.name + "/data.partial", to: directory.path("elsewhere"))
            try directory.link(stick.name + "/carrier.json", to: directory.path("outside"))
            #expect(try await home.push(to: stick, home.keep).outcome.summary.stored == 1)
            #expect(directory.names("elsewhere") == [])
            #expect(try directory.read("outside") == Array("mine".utf8))
            #expect(try stick.open().destinations.map(\.description) == ["offsite"])
            #expect(try stick.open().storage.contents() == home.files.contents())
        }
    }

    @Test(arguments: ["", "[]", "{", #"{"For": 5}"#, #"{"For": [5, "../x", "", "a/b"]}"#])
    func `A label that makes no sense says nothing`(text: String) async throws {
        try await withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            let stick = try Stick(in: directory)
            try home.chain("/host1/root", 1)
            _ = try stick.open(create: true)
            try directory.write(stick.name + "/carrier.json", text)
            #expect(try stick.open().destinations == [])
            _ = try await home.push(to: stick, home.keep)
            #expect(try stick.open().destinations.map(\.description) == ["offsite"])
        }
    }

    /// On a file system that keeps owners: each machine has its own numbers for its users.
    @Test(.enabled(if: geteuid() == 0, "giving files away needs root"))
    func `Receipts that belong to another user are read and added to`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, offsite) = (try Machine("home", in: directory), try Machine("offsite", in: directory))
            let stick = try Stick(in: directory)
            let elements = try home.chain("/host1/root", 2)
            _ = try await home.push(to: stick, home.keep)
            try stick.write([home.receipt(elements[0], by: "offsite")], "offsite")
            let (file, folder) = (directory.path(stick.receipts("offsite")), stick.path + "/receipts")
            try systemCall("give away", file) { chown(file, 12345, 12345) }
            try systemCall("give away", folder) { chown(folder, 12345, 12345) }
            try await offsite.pull(from: stick)
            #expect(offsite.events.receiptTroubles.isEmpty)
            #expect(try stick.lines("offsite").count == 2)
            #expect(try await home.push(to: stick, home.keep).returns.removed == 2)
        }
    }

    // MARK: - Much

    /// Reads 2 GB if nothing stops it, and needs as much memory.
    @Test(.timeLimit(.minutes(5))) func `A file without a newline takes neither memory nor time`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let (home, offsite) = (try Machine("home", in: directory), try Machine("offsite", in: directory))
                let stick = try Stick(in: directory)
                let elements = try home.chain("/host1/root", 2)
                _ = try await home.push(to: stick, home.keep)
                try stick.write([home.receipt(elements[0], by: "offsite")], "offsite")
                // 8 TB, none of them on the disk.
                let path = directory.path(stick.receipts("offsite"))
                let size = try #require(HostileCarrierTests.enlarge(path))
                let growth = try await ProcessFacts.growth {
                    try await offsite.pull(from: stick)
                    #expect(offsite.events.receiptTroubles.count == 1)
                    #expect(try offsite.count() == 2)
                    let push = try await home.push(to: stick, home.keep)
                    #expect(push.returns == CarrierReturns.Summary(confirmed: 1, removed: 1))
                    #expect(home.events.receiptTroubles.map(\.code) == [.damaged])
                }
                #expect(size > 1 << 31)
                #expect(growth < MemoryBoundTests.bound, "\(growth >> 20) MiB")
                // It is gone, and the next round is as if it had not been.
                try await offsite.pull(from: stick)
                #expect(try await home.push(to: stick, home.keep).returns.removed == 1)
            }
        }
    }

    /// As large as the file system lets a file be, 8 TB at most.
    static func enlarge(_ path: String) -> Int64? {
        for shift in stride(from: 43, through: 31, by: -1) where truncate(path, off_t(1) << off_t(shift)) == 0 {
            return Int64(1) << Int64(shift) + 1
        }
        return nil
    }

    @Test(.timeLimit(.minutes(10))) func `Receipts for what nobody has take little memory`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let home = try Machine("home", in: directory)
                let stick = try Stick(in: directory)
                let elements = try home.chain("/host1/root", 2)
                _ = try await home.push(to: stick, home.keep)
                // Without optimisation a tenth shows the same.
                #if DEBUG
                    let count = 50_000
                #else
                    let count = 500_000
                #endif
                let signature = [UInt8](repeating: 7, count: 400)
                var random = SeededGenerator(seed: 5)
                let file = try Directory(path: stick.path).directory("receipts", create: true)
                    .openForAppending("offsite.jsonl")
                for _ in 0..<count / 1000 {
                    var text = ""
                    for _ in 0..<1000 {
                        let receipt = Receipt(
                            dataUUID: ElementUUID(random.bytes(64)), sha512: signature.dropLast(336), size: 5,
                            holder: "offsite", syncedAt: Timestamp(1), signature: signature)
                        text += receipt.json.canonicalText + "\n"
                    }
                    try file.write(Array(text.utf8))
                }
                try file.write(Array((home.receipt(elements[1], by: "offsite").json.canonicalText + "\n").utf8))
                let growth = try await ProcessFacts.growth {
                    let push = try await home.push(to: stick, home.keep)
                    #expect(push.returns == CarrierReturns.Summary(confirmed: 1, removed: 1))
                }
                #expect(growth < MemoryBoundTests.bound + count * 100, "\(growth >> 20) MiB")
                #expect(!directory.exists(stick.receipts("offsite")))
            }
        }
    }
}
