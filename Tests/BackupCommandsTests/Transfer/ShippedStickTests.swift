import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// `etc/examples/usb-stick`: a machine without a network, and one that takes over what is carried to it.
    @Suite struct ShippedStickTests {
        private static let example = "etc/examples/usb-stick/"

        /// The commands of this program that the comments tell to type, in their order.
        private static func commands(_ configuration: ShippedText, _ beginning: String) throws -> [[String]] {
            let found = configuration.text.components(separatedBy: "gb transfer ").dropFirst().map { rest in
                rest.prefix { !"`;\n".contains($0) }.split(separator: " ").map(String.init)
            }
            return found.filter { $0.first == beginning }.map { ["transfer"] + $0 }
        }

        /// The machine at the other end, by its configuration if the example has one.
        private static func destination(_ directory: TemporaryDirectory, _ keys: Keys) throws -> Machine {
            let name = example + "offsite/config"
            guard FileManager.default.fileExists(atPath: ShippedText.repository + "/" + name) else {
                return try Machine("house", in: directory)
            }
            let machine = try Machine("offsite", in: directory)
            var configuration = try ShippedText(name)
            try configuration.change(ShippedText.noFingerprint, to: keys.good)
            try configuration.change("/media/", to: directory.path("media/"))
            try machine.adopt(configuration, keys: keys.publicRing)
            return machine
        }

        /// Elements by the names of their files, wherever they lie.
        private static func elements(_ path: String) throws -> [String: String] {
            let files = try contentsOfTree(path, aspects: []).filter {
                $0.key.hasSuffix(".data") || $0.key.hasSuffix(".info")
            }
            return Dictionary(
                files.map { (URL(fileURLWithPath: $0.key).lastPathComponent, $0.value) }, uniquingKeysWith: { $1 })
        }

        @Test func backupsAreCarriedAway() throws {
            try withMachines { directory in
                let keys = try #require(Keys.current)
                let machine = try Machine("home", in: directory)
                var configuration = try ShippedText(Self.example + "config")
                let places = configuration.text.components(separatedBy: "/media/").dropFirst().map {
                    "media/" + $0.prefix { $0.isLetter || $0 == "/" }
                }
                try configuration.change(ShippedText.noFingerprint, to: keys.good)
                try configuration.change("/media/", to: directory.path("media/"))
                try machine.adopt(configuration, keys: keys.publicRing)
                let pushes = try Self.commands(configuration, "push")
                let push = try #require(pushes.first { !$0.contains("--to-directory") })
                let pushElsewhere = try #require(pushes.first { $0.contains("--to-directory") })
                let pull = try #require(try Self.commands(configuration, "pull").first)
                func type(_ words: [String], on machine: Machine, location: SourceLocation = #_sourceLocation) throws {
                    let result = try machine.start(words).wait()
                    #expect(result.status == 0, "gb \(words): \(result.testDescription)", sourceLocation: location)
                }

                // A directory that is missing is an error, so that nothing is written to an empty mount point.
                try machine.backUpTree(as: "/root")
                try directory.write("home/tree/file", "one")
                try machine.good("generator", "once", "--now")
                try directory.makeDirectory("media")
                #expect(try machine.start(push).wait().status != 0)
                #expect(directory.names("media") == [])
                for place in places { try directory.makeDirectory(place) }
                try machine.good("config", "check")

                // One goes, and another one that the configuration does not name gets what is made meanwhile, too.
                try type(push, on: machine)
                try directory.write("home/tree/file", "two")
                try machine.good("generator", "once", "--now")
                let all = try Self.elements(machine.storage)
                #expect(all.count == 4)
                try type(pushElsewhere, on: machine)
                let elsewhere = try #require(pushElsewhere.first { $0.hasPrefix("/") })
                #expect(try Self.elements(elsewhere) == all)

                // It arrives; nothing is stored twice.
                let destination = try Self.destination(directory, keys)
                for _ in 0..<2 {
                    try type(pull, on: destination)
                    let arrived = try Self.elements(destination.storage)
                    #expect(arrived.count == 2)
                    #expect(arrived.allSatisfy { all[$0.key] == $0.value })
                }
                // It comes back, and goes again. The backups stay at home as well.
                try type(push, on: machine)
                try type(pull, on: destination)
                #expect(try Self.elements(destination.storage) == all)
                #expect(try Self.elements(machine.storage) == all)
                for machine in [machine, destination] { try machine.good("storage", "verify") }
                // Sticks are lost: what is on them is encrypted.
                let source = try #require(
                    try destination.good("restore", "list", "--json").jsonLines().first?["source"] as? String)
                expectRefusal(try destination.gb("restore", "verify", source), 78, "secret key")
            }
        }
    }
}
