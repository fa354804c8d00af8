import BackupModel
import BackupStorage
import BackupTestKit
import Glibc
import Testing

@testable import BackupEngine

/// The service as a process: what it does at which signal.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ServiceTests {
    /// A command that says that it has begun, waits for leave, and gives its bytes.
    private func slow(_ site: Site) -> String {
        let (started, go) = (site.place.path("trace/started"), site.place.path("trace/go"))
        return "echo half; echo $$ >\(started); while [ ! -e \(go) ]; do sleep 0.05; done; echo rest"
    }

    private func stored(_ site: Site, _ source: String) throws -> Int {
        try site.storage.elements(of: SourceURL(source)).usable.count
    }

    @Test func runsWhatIsDue() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.tar()
            try site.command([("/h/a", "echo a"), ("/h/b", "exit 1"), ("/h/c", "echo c")])
            let service = try ServiceProcess(site)
            try await eventually("all elements: \(service.log)") {
                try stored(site, "/h/root") == 1 && stored(site, "/h/a") == 1 && stored(site, "/h/c") == 1
            }
            try await eventually("the failure is noted") { try site.events("run_failed").count == 1 }
            let second = try ServiceProcess(site)
            #expect(try await second.end() == 75, "another one is at work")
            service.send(SIGTERM)
            #expect(try await service.end() == 0, "\(service.log)")
            #expect(try stored(site, "/h/a") == 1, "once, not again and again")
            #expect(try site.events("generator_started").count == 1)
            #expect(try site.events("generator_stopped").count == 1)
            #expect(try site.events("run_failed").count == 1, "the source that failed waits")
        }
    }

    /// One file after the other, beside other units, and then it rests.
    @Test func storesLogFiles() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.logs()
            try site.command([("/h/dump", "echo dump")])
            try shell("for n in 1 2 3 4 5; do echo $n >syslog.$n; done; echo x >bad.1.gz", in: place.path("logs"))
            let service = try ServiceProcess(site)
            try await eventually("all elements: \(service.log)") {
                try stored(site, "/h/syslog") == 5 && stored(site, "/h/dump") == 1
            }
            try await eventually("they are deleted") { place.names("logs") == ["bad.1.gz"] }
            // The round ends: what it counts from is written down.
            try await eventually("the end of the round") {
                let state = String(decoding: try place.read("state/generators/Logs/state.current"), as: UTF8.self)
                return !state.hasPrefix("[0,")
            }
            service.send(SIGTERM)
            #expect(try await service.end() == 0, "\(service.log)")
            #expect(try site.events("run_failed").count == 1)
        }
    }

    @Test func terminationFinishesTheElement() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.command([("/h/a", slow(site)), ("/h/b", "echo b")])
            let service = try ServiceProcess(site)
            try await eventually("the command begins: \(service.log)") { place.exists("trace/started") }
            service.send(SIGTERM)
            try await eventually("it is stopping: \(service.log)") { service.log.contains("stopping") }
            #expect(service.isRunning)
            try place.write("trace/go", "")
            #expect(try await service.end() == 0)
            let element = try #require(try site.elements("/h/a").first)
            #expect(try site.storage.data(element.id) == Array("half\nrest\n".utf8))
            #expect(try stored(site, "/h/b") == 0, "nothing new begins")
            #expect(try site.events("generator_stopped").count == 1)
        }
    }

    @Test func interruptDropsTheElement() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.command([("/h/a", slow(site))])
            let service = try ServiceProcess(site)
            try await eventually("the command begins: \(service.log)") {
                try place.exists("trace/started") && place.read("trace/started").last == UInt8(ascii: "\n")
            }
            service.send(SIGINT)
            #expect(try await service.end() == 130)
            let text = String(decoding: try place.read("trace/started"), as: UTF8.self).dropLast()
            let command = try #require(pid_t(text))
            try await eventually("the command is gone") { kill(command, 0) != 0 }
            try site.expectNothingStored("Dump")
            #expect(try site.events("run_failed").count == 1)
            // And the next one begins anew.
            try place.write("trace/go", "")
            let next = try ServiceProcess(site)
            try await eventually("the element: \(next.log)") { try stored(site, "/h/a") == 1 }
            next.send(SIGTERM)
            #expect(try await next.end() == 0)
        }
    }

    @Test func hangUpReadsTheConfiguration() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.command([("/h/a", "echo a")], as: "First")
            let service = try ServiceProcess(site)
            try await eventually("the first: \(service.log)") { try stored(site, "/h/a") == 1 }
            try site.command([("/h/b", "echo b")], as: "Second")
            service.send(SIGHUP)
            try await eventually("the second: \(service.log)") { try stored(site, "/h/b") == 1 }
            #expect(try site.events("configuration_read").count == 1)
            // A wrong one changes nothing.
            let good = try place.read("etc/config")
            try place.write("etc/config", "general: { no_such_key: 1 }\n")
            service.send(SIGHUP)
            try await eventually("the refusal: \(service.log)") { try site.events("configuration_refused").count == 1 }
            #expect(service.isRunning)
            #expect(service.log.contains("no_such_key"))
            try place.write("etc/config", good)
            try site.command([("/h/c", "echo c")], as: "Third")
            service.send(SIGHUP)
            try await eventually("the third: \(service.log)") { try stored(site, "/h/c") == 1 }
            service.send(SIGTERM)
            #expect(try await service.end() == 0)
        }
    }

    /// A reload waits for what is under way, whose unit may be gone afterwards.
    @Test func hangUpWhileWorking() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.command([("/h/a", slow(site))])
            let service = try ServiceProcess(site)
            try await eventually("the command begins: \(service.log)") { place.exists("trace/started") }
            try site.command([("/h/b", "echo b")], as: "Second")
            place.remove("etc/units/Dump")
            service.send(SIGHUP)
            try place.write("trace/go", "")
            try await eventually("the second: \(service.log)") { try stored(site, "/h/b") == 1 }
            #expect(try stored(site, "/h/a") == 1)
            service.send(SIGTERM)
            #expect(try await service.end() == 0)
        }
    }

    @Test func terminationDoesNotWaitForAHintThatHangs() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.program(
                run: "echo data", done: #"trap '' TERM; echo >"$TRACE"; while :; do sleep 1; done"#,
                keys: ["call_timeout: 10min"])
            let service = try ServiceProcess(site)
            try await eventually("it is told: \(service.log)") { place.exists("trace/told") }
            service.send(SIGTERM)
            #expect(try await service.end() == 0, "\(service.log)")
            #expect(try stored(site, "/h/own") == 1)
        }
    }

    /// A program that takes its time over its plan is asked by one generator only, and nobody waits for it at the end.
    @Test func hangUpWhileAProgramIsAsked() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            let (asked, twice) = (place.path("trace/asked"), place.path("trace/twice"))
            try site.program(
                plan: "mkdir \(place.path("trace/lock")) || echo >\(twice); echo >>\(asked); "
                    + "trap 'rmdir \(place.path("trace/lock")); exit 1' TERM; while :; do sleep 0.05; done",
                run: "true", keys: ["call_timeout: 10min"])
            func count() throws -> Int { place.exists("trace/asked") ? try place.read("trace/asked").count : 0 }
            let service = try ServiceProcess(site)
            for round in 1...3 {
                try await eventually("it is asked: \(service.log)") { try count() == round }
                if round < 3 { service.send(SIGHUP) }
            }
            service.send(SIGTERM)
            #expect(try await service.end() == 0, "\(service.log)")
            #expect(!place.exists("trace/twice"))
            #expect(!place.exists("trace/lock"))
        }
    }

    @Test func brokenAtTheStart() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try place.write("etc/config", "general: [\n")
            let service = try ServiceProcess(site)
            #expect(try await service.end() == 78)
            #expect(service.log.contains(place.path("etc/config")))
        }
    }

    /// A unit that is wrong stops itself alone: its program, its files, what it wants to write.
    @Test func aWrongUnitStopsOnlyItself() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.command([("/h/a", "echo a")])
            try site.program(as: "Bad", plan: "echo nonsense", run: "echo never")
            try site.program(as: "Worse", run: "echo never", keys: ["no_such_key: 1"])
            try place.write("etc/lib-enabled/README", "what lies here")
            let service = try ServiceProcess(site)
            try await eventually("the good one: \(service.log)") { try stored(site, "/h/a") == 1 }
            try await eventually("the others are named") {
                service.log.contains("no_such_key") && service.log.contains("not JSON")
            }
            service.send(SIGTERM)
            #expect(try await service.end() == 0)
        }
    }

    @Test(arguments: [false, true]) func tellsWhoeverStartedIt(isAbstract: Bool) async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.command([("/h/a", "echo a")])
            let path = isAbstract ? "@" + place.path("notify") : place.path("notify")
            let socket = try NotifySocket(path)
            let service = try ServiceProcess(site, notify: path)
            func has(_ text: String, after start: Int = 0) -> Bool {
                socket.messages.dropFirst(start).contains { $0.split(separator: "\n").contains(Substring(text)) }
            }
            try await eventually("ready: \(service.log)") { has("READY=1") }
            // Ready means that signals are taken.
            let before = socket.messages.count
            service.send(SIGHUP)
            try await eventually("reloading") { has("RELOADING=1", after: before) && has("READY=1", after: before) }
            let reloading = try #require(socket.messages.first { $0.contains("RELOADING=1") })
            #expect(reloading.contains("MONOTONIC_USEC="))
            try await eventually("the next run") { socket.messages.contains { $0.contains("STATUS=next: /h/a") } }
            service.send(SIGTERM)
            #expect(try await service.end() == 0)
            #expect(has("STOPPING=1"))
        }
    }
}
