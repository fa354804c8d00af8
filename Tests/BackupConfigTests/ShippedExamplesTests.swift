import BackupConfig
import BackupModel
import Glibc
import Testing

/// The configurations in `etc/examples` are valid and do what their comments say.
@Suite struct ShippedExamplesTests {
    private static let examples =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/") + "/etc/examples/"

    private static func text(_ name: String) throws -> String {
        let file = try #require(fopen(examples + name, "r"), "\(name)")
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// The names of all files below `directory`, which is empty or ends with a slash.
    private static func files(_ directory: String = "") throws -> [String] {
        let stream = try #require(opendir(examples + directory), "\(directory)")
        defer { closedir(stream) }
        var result: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".") { continue }
            var information = stat()
            try #require(stat(examples + directory + name, &information) == 0)
            let isDirectory = information.st_mode & S_IFMT == S_IFDIR
            result += isDirectory ? try files(directory + name + "/") : [directory + name]
        }
        return result.sorted()
    }

    private static func transfer(_ example: String) throws -> TransferSettings {
        try TemporaryConfiguration(main: text(example + "/config")).load().main.transfer
    }

    /// The agents that forced commands in a text let in.
    private static func admitted(_ text: String) -> [String] {
        text.split(separator: "gb transfer serve --stdio --agent ").dropFirst()
            .map { String($0.prefix { $0.isLetter || $0.isNumber || $0 == "-" }) }
    }

    @Test func everyConfigurationIsValid() throws {
        let files = try Self.files()
        #expect(
            files == [
                "holder/config", "pulled-over-ssh/authorized_keys", "pulled-over-ssh/config", "three-equals/a/config",
                "three-equals/b/config", "three-equals/c/config", "usb-stick/config", "usb-stick/offsite/config",
            ])
        for name in files where name.hasSuffix("config") {
            let loaded = try TemporaryConfiguration(main: Self.text(name)).load()
            #expect(loaded.warnings == [], "\(name)")
            #expect(!(loaded.main.transfer.listeners.isEmpty && loaded.main.transfer.peers.isEmpty), "\(name)")
        }
    }

    @Test func theForcedCommandsNameAgentsThatAreLetIn() throws {
        let source = try Self.transfer("pulled-over-ssh")
        let keys = try Self.text("pulled-over-ssh/authorized_keys")
        #expect(Self.admitted(keys) == source.listeners.map(\.agent))
        // The other way, a socket, is what the comment beside the listener says.
        #expect(source.listeners.map(\.path) == [nil])
        let socket = "/run/guerillabackup/holder.socket"
        #expect(keys.contains("UNIX-CONNECT:\(socket)\""))
        #expect(try Self.text("pulled-over-ssh/config").contains("path: \(socket)\n"))
        // Every other line is a comment, and whoever has the key can do nothing but what the command does.
        let lines = keys.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines.count == 1)
        #expect(lines.allSatisfy { $0.hasPrefix("restrict,command=\"") })
        for name in ["a", "b", "c"] {
            let admitted = Self.admitted(try Self.text("three-equals/\(name)/config"))
            #expect(admitted == (try Self.transfer("three-equals/\(name)").listeners.map(\.agent)), "\(name)")
        }
    }

    @Test func theHolderPullsTwentySourcesAndKeepsThemApart() throws {
        let holder = try Self.transfer("holder")
        #expect(holder.peers.count == 20)
        #expect(holder.peers.map { $0.receiver?.prefix?.description } == holder.peers.map { "/" + $0.agent })
        for peer in holder.peers {
            #expect(peer.sender == nil, "nothing leaves the holder")
            #expect(peer.receiver?.quotaBytes != nil)
            guard case .command(let command) = peer.connection else {
                Issue.record("\(peer.agent) is not reached by a command")
                continue
            }
            #expect(command.last == "root@\(peer.agent).example.org")
        }
        // The two examples are the two sides of one connection.
        let source = try Self.transfer("pulled-over-ssh")
        #expect(source.listeners.map(\.agent) == [try #require(holder.agent)])
        #expect(holder.peers.map(\.agent).contains(try #require(source.agent)))
    }

    @Test func eachOfThreeEqualsIsConnectedToBothOthersAndOffersItsOwn() throws {
        for name in ["a", "b", "c"] {
            let equal = try Self.transfer("three-equals/\(name)")
            #expect(equal.agent == name)
            let ends =
                equal.listeners.map { ($0.agent, $0.sender, $0.receiver) }
                + equal.peers.map { ($0.agent, $0.sender, $0.receiver) }
            #expect(ends.map(\.0).sorted() == ["a", "b", "c"].filter { $0 != name })
            for (agent, sender, receiver) in ends {
                #expect(sender?.filter.sources == [try SourcePattern("/" + name)])
                #expect(
                    sender?.policy
                        == .copies(count: 2, release: false, forgetAgentAfter: TimeSpan(seconds: 30 * 86400)))
                #expect(receiver?.filter.sources == [try SourcePattern("/" + agent)])
            }
            // Whoever is gone to lets in who comes.
            for peer in equal.peers {
                #expect(try Self.transfer("three-equals/\(peer.agent)").listeners.map(\.agent) == [name])
            }
        }
    }

    @Test func theSticksAreFilledByHandAndNothingIsDeletedForThem() throws {
        let home = try Self.transfer("usb-stick")
        let offsite = try Self.transfer("usb-stick/offsite")
        #expect(home.peers.map(\.schedule) == [.never])
        #expect(home.peers.map(\.sender?.policy) == [.keep])
        #expect(offsite.peers.map(\.schedule) == [.never])
        // Receipts count only under the name that the machine has at the other end.
        #expect(home.peers.map(\.agent) == [try #require(offsite.agent)])
        #expect(offsite.peers.map(\.agent) == [try #require(home.agent)])
        #expect(offsite.peers.map(\.receiver?.prefix?.description) == ["/home"])
        #expect(home.peers.map(\.connection) == offsite.peers.map(\.connection))
    }
}
