import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// A storage in which things are not as the program left them.
    @Suite struct BadStorageTests {
        /// A storage with a full and two increments of `/host/home`, all different; the tree is that of the last.
        private func withChain(pause: UInt32 = 0, _ body: (Site, _ ids: [String]) throws -> Void) throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                var ids = try site.backUp()
                for number in 1...2 {
                    sleep(pause)
                    try site.directory.write("tree/more\(number)", "\(number)")
                    ids += try site.backUp()
                }
                try #require(ids.count == 3)
                try body(site, ids)
            }
        }

        /// All commands that read the storage say so with exit code 4 and the name, and none of them changes a file.
        private func expectDamage(
            _ site: Site, _ id: String, _ words: [String], location: SourceLocation = #_sourceLocation
        ) throws {
            let before = try site.storedFiles()
            let list = try site.gb("storage", "list")
            #expect(list.status == 4, "\(list.testDescription)", sourceLocation: location)
            for word in words + [id] {
                #expect(
                    list.errors.contains(word), "missing: \(word)\n\(list.testDescription)", sourceLocation: location)
            }
            let json = try site.gb("storage", "list", "--json")
            #expect(try json.jsonError().exit == 4, sourceLocation: location)
            #expect(json.errors == "", sourceLocation: location)
            let verify = try site.gb("storage", "verify")
            #expect(verify.status == 4, "\(verify.testDescription)", sourceLocation: location)
            #expect(verify.output.contains(id), sourceLocation: location)
            #expect(try site.gb("storage", "verify", "--json").status == 4, sourceLocation: location)
            #expect(try site.gb("storage", "show", id).status == 4, sourceLocation: location)
            #expect(try site.storedFiles() == before, sourceLocation: location)
        }

        enum BadInfo: String, CaseIterable {
            case empty, truncated, noJSON, tooLarge, wrongType, negativeTime, deep, link, fifo, directory
        }

        @Test(arguments: BadInfo.allCases) func metadataThatCannotBeUsedIsNamed(kind: BadInfo) throws {
            try withChain { site, ids in
                let name = "storage\(ids[2]).info"
                let good = try site.directory.read(name)
                site.directory.remove(name)
                var words = [".info"]
                switch kind {
                case .empty: try site.directory.write(name, "")
                case .truncated: try site.directory.write(name, Array(good.prefix(good.count / 2)))
                case .noJSON: try site.directory.write(name, "BackupType=full\n")
                case .tooLarge:
                    try site.directory.write(name, "{" + String(repeating: " ", count: 40 << 20) + "}")
                    words.append("bytes")
                case .wrongType:
                    try site.directory.write(name, #"{"BackupType": "full", "Timestamp": "soon"}"#)
                    words.append("Timestamp")
                case .negativeTime:
                    try site.directory.write(name, #"{"BackupType": "full", "Timestamp": -5}"#)
                    words.append("Timestamp")
                case .deep: try site.directory.write(name, String(repeating: "[", count: 200_000))
                case .link: try site.directory.link(name, to: "/etc/passwd")
                case .fifo: try site.directory.makeFIFO(name)
                case .directory: try site.directory.makeDirectory(name)
                }
                try expectDamage(site, ids[2], words)
                // What is before it can still be restored, and what is restored is said.
                try site.good(
                    "restore", "extract", "/host/home", "--to", site.directory.path("out"))
                #expect(try Site.files(below: site.directory.path("out")).contains("more1"))
                #expect(!site.directory.exists("out/more2"))
                let plan = try site.gb("restore", "plan", "/host/home")
                #expect(plan.errors.contains("warning"), "\(plan.testDescription)")
            }
        }

        @Test func unknownKeysAreKept() throws {
            try withChain { site, ids in
                let name = "storage\(ids[0]).info"
                let text = String(decoding: try site.directory.read(name), as: UTF8.self)
                try site.directory.write(name, text.dropLast() + #", "Zukunft": {"a": [1, 2.50]}}"#)
                try site.good("storage", "verify")
                let shown = try site.good("storage", "show", ids[0], "--json")
                #expect(shown.output.contains("2.50"))
                try site.good("restore", "verify", "/host/home")
            }
        }

        /// What metadata say of a stage is never run, be it nonsense or a trap.
        @Test(arguments: [
            #"[{"Stage": "process", "Restore": ["touch", "TRAP"]}]"#, #"[{"Stage": "process", "Restore": []}]"#,
            #"[{"Stage": "process", "Restore": null}]"#, #"[{"Stage": "unheard-of", "Restore": ["cat"]}]"#,
            #"[{"Stage": "zstd", "Restore": ["sh", "-c", "touch TRAP"]}]"#,
            #"[{"Stage": "tar", "Restore": ["sh", "-c", "touch TRAP"]}]"#,
        ])
        func recordedCommandsAreNotRun(pipeline: String) throws {
            try withSite(compression: "none") { site in
                try site.addCommand(script: "echo dump")
                let id = try #require(try site.backUp().first)
                let name = "storage\(id).info"
                let data = try #require(FileManager.default.contents(atPath: site.directory.path(name)))
                var info = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
                let trap = site.directory.path("trap")
                let text = pipeline.replacingOccurrences(of: "TRAP", with: trap)
                info["Pipeline"] = try JSONSerialization.jsonObject(with: Data(text.utf8))
                let bytes = try JSONSerialization.data(
                    withJSONObject: info, options: [.sortedKeys, .withoutEscapingSlashes])
                try site.directory.write(name, Array(bytes))
                for words in [
                    ["restore", "plan", "/host/dump"], ["restore", "plan", "/host/dump", "--shell"],
                    ["restore", "cat", id], ["restore", "verify", "/host/dump"], ["storage", "show", id],
                    ["restore", "extract", "/host/dump", "--to", site.directory.path("out")],
                ] {
                    let result = try site.start(words).wait()
                    #expect(result.status < 128 && result.status >= 0, "\(words): \(result.testDescription)")
                }
                #expect(!site.directory.exists("trap"))
            }
        }

        @Test func dataWithoutMetadataIsNamedAndStays() throws {
            try withChain { site, ids in
                site.directory.remove("storage\(ids[2]).info")
                let verify = try site.gb("storage", "verify")
                #expect(verify.status == 4)
                #expect(verify.output.contains("STRAY: "), "\(verify.testDescription)")
                #expect(verify.output.contains("more") || verify.output.contains(".data"))
                #expect(try site.elements().count == 2)
                try site.good("generator", "once", "--now")
                #expect(site.directory.exists("storage\(ids[2]).data"))
            }
        }

        @Test func metadataWithoutDataIsDamage() throws {
            try withChain { site, ids in
                site.directory.remove("storage\(ids[2]).data")
                try expectDamage(site, ids[2], [".data"])
            }
        }

        @Test(arguments: ["link", "fifo"]) func dataThatIsNoFileIsDamage(kind: String) throws {
            try withChain { site, ids in
                let name = "storage\(ids[2]).data"
                site.directory.remove(name)
                if kind == "link" {
                    try site.directory.link(name, to: "/etc/passwd")
                } else {
                    try site.directory.makeFIFO(name)
                }
                try expectDamage(site, ids[2], [".data"])
                for words in [["restore", "cat", ids[2]], ["restore", "plan", "/host/home", "--at", "now"]] {
                    let result = try site.start(words).wait(limit: 30)
                    #expect(!result.output.contains("root:"))
                    #expect(result.status != -1)
                }
            }
        }

        @Test func changedBytesAreFoundWhileRestoring() throws {
            try withChain { site, ids in
                let name = "storage\(ids[1]).data"
                var bytes = try site.directory.read(name)
                bytes[bytes.count - 3] ^= 1
                try site.directory.write(name, bytes)
                let verify = try site.gb("storage", "verify")
                expectRefusal(verify, 4)
                #expect(verify.output.contains("DAMAGED: "))
                #expect(verify.output.contains(ids[1]))
                #expect(verify.output.contains("2 elements sound, 1 damaged"), "\(verify.testDescription)")
                let out = site.directory.path("out")
                let extract = try site.gb("restore", "extract", "/host/home", "--to", out)
                expectRefusal(extract, 4, ids[1], out, "trust")
                let first = site.directory.path("first")
                let verifyFirst = try site.gb("restore", "extract", "/host/home", "--verify-first", "--to", first)
                expectRefusal(verifyFirst, 4, ids[1])
                #expect(try !FileManager.default.fileExists(atPath: first) || Site.files(below: first) == [])
                expectRefusal(try site.gb("restore", "cat", ids[1]), 4, ids[1])
                expectRefusal(try site.gb("restore", "verify", "/host/home"), 4, ids[1])
                #expect(
                    try site.gb("restore", "extract", "/host/home", "--to", out + "2", "--json").jsonError().exit == 4)
            }
        }

        @Test func aGapInTheChainIsNamed() throws {
            // Times differ by a second at least: --at can then choose.
            try withChain(pause: 1) { site, ids in
                for suffix in ["info", "data"] { site.directory.remove("storage\(ids[1]).\(suffix)") }
                for command in ["plan", "verify"] {
                    expectRefusal(try site.gb("restore", command, "/host/home"), 4, ids[2], "gap", "--at")
                }
                let out = site.directory.path("out")
                expectRefusal(try site.gb("restore", "extract", "/host/home", "--to", out), 4, ids[2], "gap")
                #expect(!site.directory.exists("out"))
                let verify = try site.gb("storage", "verify")
                #expect(verify.status == 4)
                #expect(verify.output.contains("CHAIN: "))
                #expect(verify.output.contains(ids[2]))
                let points = try site.good("restore", "list", "/host/home", "--json").jsonLines()
                #expect(points.compactMap { $0["restorable"] as? Bool } == [true, false])
                let time = try #require(points.first?["time"] as? String)
                try site.good("restore", "extract", "/host/home", "--at", time, "--to", out)
            }
        }

        /// Names in the storage are somebody else's text: they cannot write to the terminal what they like.
        @Test func strangeNamesAreNamedSafely() throws {
            try withChain { site, _ in
                try site.directory.write("storage/host/ring\u{7}the\u{1b}[31mbell\n", "x")
                let verify = try site.gb("storage", "verify")
                #expect(!verify.output.contains("\u{1b}"))
                #expect(!verify.output.contains("\u{7}"))
                #expect(!verify.errors.contains("\u{1b}"))
                #expect(try site.gb("storage", "list").status == 0)
            }
        }
    }
}
