import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    @Suite struct GeneratorCommandTests {
        @Test func onceMakesAFullThenWaits() throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                let first = try site.good("generator", "once")
                #expect(first.output.hasPrefix("/host/home full: "), "\(first.testDescription)")
                #expect(first.lines.count == 1)
                #expect(first.errors == "")
                let second = try site.good("generator", "once")
                #expect(second.output.hasPrefix("Nothing is due. Next: /host/home inc at "))
                #expect(try site.elements().count == 1)
                let third = try site.good("generator", "once", "--now")
                #expect(third.output.hasPrefix("/host/home inc: "))
                let fourth = try site.good("generator", "once", "--full", "Home")
                #expect(fourth.output.hasPrefix("/host/home full: "))
            }
        }

        @Test func onceSpeaksJSON() throws {
            try withSite { site in
                try site.addTar()
                try site.addCommand(script: "echo dump")
                try site.fillTree()
                let result = try site.good("generator", "once", "--json")
                let runs = try result.jsonLines()
                #expect(runs.compactMap { $0["source"] as? String }.sorted() == ["/host/dump", "/host/home"])
                #expect(runs.allSatisfy { $0["type"] as? String == "full" && $0["error"] is NSNull })
                #expect(Set(runs.compactMap { $0["element"] as? String }) == Set(try site.elements()))
                #expect(try site.good("generator", "once", "--json").output == "")
            }
        }

        @Test func aFailureOfAllIsOneAndOfSomeIsThree() throws {
            try withSite { site in
                try site.addCommand(script: "echo half; echo why it broke >&2; exit 5")
                let all = try site.gb("generator", "once")
                expectRefusal(all, 1, "/host/dump was not backed up", "5", "why it broke")
                #expect(try site.storedFiles() == [])
                try site.addCommand("Good", source: "/host/good", script: "echo whole")
                let some = try site.gb("generator", "once", "--now", "--json")
                #expect(some.status == 3)
                let failed = try #require(try some.jsonLines().first { $0["source"] as? String == "/host/dump" })
                let error = try #require(failed["error"] as? [String: Any])
                #expect(error["code"] as? String == "process_failed")
                #expect(failed["element"] is NSNull)
                #expect(try site.elements().count == 1)
                let status = try site.gb("generator", "status")
                expectRefusal(status, 1)
                #expect(status.output.contains("why it broke"))
                #expect(try site.gb("generator", "once", "--now", "Good").status == 0)
            }
        }

        @Test func aUnitThatIsNotEnabledIsNamed() throws {
            try withSite { site in
                try site.addTar()
                expectRefusal(try site.gb("generator", "once", "Hme"), 66, "Hme", "enabled are: Home")
                #expect(try site.gb("generator", "once", "Hme", "--json").jsonError().exit == 66)
                #expect(!site.directory.exists("state/generators"))
            }
        }

        @Test func listSaysWhatIsNextAndWhy() throws {
            try withSite { site in
                #expect(try site.good("generator", "list").output.contains("No unit is enabled"))
                try site.addTar()
                try site.fillTree()
                #expect(try site.good("generator", "list").output.contains("never run before"))
                try site.backUp()
                let next = try #require(try site.good("generator", "list", "--json").jsonLines().first)
                #expect(next["type"] as? String == "inc")
                #expect(next["is_due"] as? Bool == false)
                #expect((next["reason"] as? String ?? "").contains("20h to 1d4h"))
            }
        }

        @Test func statusTellsTheLastElement() throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                #expect(try site.good("generator", "status").output.contains("never"))
                let element = try #require(try site.backUp().first)
                let status = try #require(try site.good("generator", "status", "--json").jsonLines().first)
                #expect((status["last_element"] as? [String: Any])?["text"] as? String == element)
                #expect(status["last_failure"] is NSNull)
                #expect(status["generator_process"] is NSNull)
                #expect(try site.good("generator", "status").output.contains("No generator is at work."))
            }
        }

        @Test func theSecondGeneratorLeavesAndNamesTheFirst() throws {
            try withSite { site in
                try site.addCommand(script: "echo begun; exec sleep 60")
                let first = try site.start(["generator", "once"])
                defer {
                    first.signal(SIGTERM)
                    _ = first.wait()
                }
                try #require(waitUntil(20) { !first.descendants().isEmpty })
                let second = try site.gb("generator", "once")
                expectRefusal(second, 75, "\(first.number)", "another generator")
                #expect(try site.gb("generator", "once", "--json").jsonError().exit == 75)
                expectRefusal(try site.gb("generator", "run"), 75, "\(first.number)")
                let status = try site.gb("generator", "status")
                #expect(status.output.contains("process \(first.number)"), "\(status.testDescription)")
            }
        }

        @Test func theServiceRunsWhatIsDueAndStops() throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                let service = try site.start(["generator", "run"])
                let isStored = waitUntil(30) { (try? site.storedFiles().contains { $0.hasSuffix(".info") }) == true }
                #expect(isStored)
                service.signal(SIGTERM)
                let result = service.wait()
                #expect(result.status == 0, "\(result.testDescription)")
                #expect(service.leftOver() == [])
                #expect(try site.elements().count == 1)
                try site.good("storage", "verify")
            }
        }

        @Test func theServiceTakesAChangedConfigurationOnSIGHUP() throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                let service = try site.start(["generator", "run"])
                defer {
                    service.signal(SIGKILL)
                    _ = service.wait()
                }
                func count(_ source: String) -> Int {
                    ((try? site.storedFiles()) ?? []).count { $0.contains(source) && $0.hasSuffix(".info") }
                }
                try #require(waitUntil(30) { count("-home-") == 1 })
                try site.directory.write("conf/config.wrong", "pipeline: { encryptoin: none }\n")
                let good = try site.directory.read("conf/config")
                try site.directory.write("conf/config", "pipeline: { encryptoin: none }\n")
                service.signal(SIGHUP)
                usleep(500_000)
                try #require(kill(service.number, 0) == 0, "a wrong configuration ended the service")
                try site.directory.write("conf/config", good)
                try site.addCommand(script: "echo new")
                service.signal(SIGHUP)
                #expect(waitUntil(30) { count("-dump-") == 1 })
            }
        }

        @Test func testModeStoresNothing() throws {
            try withSite { site in
                let text = String(decoding: try site.directory.read("conf/config"), as: UTF8.self)
                try site.directory.write(
                    "conf/config", text.replacingOccurrences(of: "general:\n", with: "general:\n  test_mode: true\n"))
                try site.addTar()
                try site.fillTree()
                let result = try site.good("generator", "once")
                #expect(result.errors.contains("test mode"))
                #expect(result.output.contains("(not stored)"))
                #expect(try site.storedFiles() == [])
                #expect(try site.good("config", "check").output.contains("test_mode"))
            }
        }
    }
}
