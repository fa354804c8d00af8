import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupUnits
import Glibc
import Testing

@testable import BackupEngine

/// Units that are programs, from the plan to the element.
@Suite struct ProgramTests {
    private func withSite(
        compression: String = "none", _ body: (Site) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { place in try await body(try Site(place, compression: compression)) }
    }

    /// What the runs of all units, due or not, have come to.
    @discardableResult
    private func once(_ site: Site, full: Bool = false) async throws -> (
        outcomes: [RunOutcome], problems: [BackupError]
    ) {
        let generator = try await site.generator()
        await generator.look()
        let outlook = generator.outlook()
        let outcomes = await generator.carryOut(
            outlook.runs.sorted(by: ScheduleOrder.precedes), full: full, toTheEnd: true)
        return (outcomes, generator.problems + outlook.errors)
    }

    private func data(_ site: Site, _ source: String = "/h/own") throws -> [String] {
        try site.elements(source).map { element in
            let path = try #require(try site.storage.localPath(of: element.id))
            return String(decoding: try DataFile.read(path), as: UTF8.self)
        }
    }

    // MARK: - Doing well

    @Test func aRunBecomesAnElementAndIsTold() async throws {
        try await withSite { site in
            try site.program(
                plan: #"echo '{"sources": [{"source": "/h/own", "type": "inc", "due": 0, "format": "append"}]}'"#,
                run: """
                    echo "$GB_TYPE ${GB_STATE-none} ${GB_LAST-never} $GB_TIME"
                    echo '{"kind": "state", "state": {"n": "'"$GB_TIME"'"}}' >&3
                    echo '{"kind": "policies", "policies": ["own"]}' >&3
                    echo '{"kind": "note", "text": "noted"}' >&3
                    """,
                done: #"echo "$2 $GB_UUID $GB_TYPE $GB_STATE" >>"$TRACE"; echo heard >&2"#,
                keys: ["policy: [keep]"])
            let first = site.clock.now()
            let outcome = try #require(try await once(site).outcomes.first)
            #expect(outcome.failure == nil && outcome.type == .full)
            #expect(outcome.notes == ["noted", "heard"])
            site.clock.advance(by: TimeSpan(seconds: 100))
            let second = site.clock.now()
            #expect(try await once(site).outcomes.map(\.type) == [.inc])
            let elements = try site.elements("/h/own")
            #expect(
                try data(site) == [
                    "full none never \(first.seconds)\n",
                    "inc {\"n\":\"\(first.seconds)\"} \(first.seconds) \(second.seconds)\n",
                ])
            #expect(elements.map(\.metadata.handlingPolicies) == [["keep", "own"], ["keep", "own"]])
            #expect(elements[1].metadata.predecessor == elements[0].metadata.uuid)
            let record = try #require(elements[0].metadata.pipeline?.first)
            #expect(record.stage == "program" && record.other["Program"] == .string(site.place.path("programs/Own")))
            let told = String(decoding: try site.place.read("trace/told"), as: UTF8.self).split(separator: "\n")
            #expect(
                told == [
                    "/h/own \(try #require(elements[0].metadata.uuid).base64) full {\"n\":\"\(first.seconds)\"}",
                    "/h/own \(try #require(elements[1].metadata.uuid).base64) inc {\"n\":\"\(second.seconds)\"}",
                ])
            // Due again and again, but not sooner than this.
            let generator = try await site.generator()
            await generator.look()
            #expect(generator.outlook().runs.map(\.due) == [second + TimeSpan(seconds: 60)])
        }
    }

    @Test func theEnvironmentIsTheDocumentedOne() async throws {
        try await withSite { site in
            setenv("GB_TEST_SECRET", "must not be seen", 1)
            defer { unsetenv("GB_TEST_SECRET") }
            try site.program(
                run: #"env | sed 's/=.*//' | sort; stat -c %a "$GB_STATE_DIRECTORY"; echo "$GB_SETTINGS $PWD""#,
                keys: ["settings: { a: [1, b] }", "prefix: /h"])
            try await once(site)
            var names = try #require(try data(site).first).split(separator: "\n").map(String.init)
            #expect(names.removeLast() == #"{"a":[1,"b"]} /"#)
            #expect(names.removeLast() == "700")
            // What the shell itself adds.
            let shell: Set = ["PWD", "OLDPWD", "SHLVL", "_"]
            let optional: Set = ["HOME", "TZ"]
            #expect(
                names.filter { !shell.contains($0) && !optional.contains($0) } == [
                    "GB_PREFIX", "GB_PROTOCOL", "GB_SETTINGS", "GB_SOURCE", "GB_STATE_DIRECTORY", "GB_TIME", "GB_TYPE",
                    "GB_UNIT", "LC_ALL", "PATH", "TRACE",
                ])
            let document = String(
                decoding: try DataFile.read(Site.definitions + "../doc/own-units.md"), as: UTF8.self)
            for name in names where !shell.contains(name) && name != "TRACE" {
                #expect(document.contains("`\(name)`"), "\(name)")
            }
        }
    }

    @Test func aFullInPlaceOfAnIncrement() async throws {
        try await withSite { site in
            try site.program(
                plan: #"echo '{"sources": [{"source": "/h/own", "type": "inc", "due": 0}]}'"#,
                run: #"echo '{"kind": "type", "type": "full"}' >&3; echo all"#)
            for _ in 0..<2 {
                #expect(try await once(site).outcomes.map(\.type) == [.full])
                site.clock.advance(by: TimeSpan(seconds: 100))
            }
            #expect(try site.elements("/h/own").map(\.metadata.type) == [.full, .full])
            #expect(try site.events("element_stored").map { $0["type"]?.stringValue } == ["full", "full"])
            #expect(try site.journal().contains { "\($0)".contains("a full in place of an increment") })
        }
    }

    @Test func notNowIsTriedAgainAndToldAsSuch() async throws {
        try await withSite { site in
            try site.program(plan: "echo locked >&2; exit 75", run: "true")
            let (outcomes, problems) = try await once(site)
            #expect(outcomes.isEmpty && problems.isEmpty)
            // It is shown alone, and says whose it is.
            let notes = try site.events("note").compactMap { $0["message"]?.stringValue }
            #expect(notes.contains { $0.hasPrefix("unit Own: `") }, "\(notes)")
            #expect(try site.events("note").contains { $0["message"]?.stringValue?.contains("locked") == true })
            try site.program(run: "echo half; exit 75")
            let failure = try #require(try await once(site).outcomes.first?.failure)
            #expect(failure.description.contains("not possible now"))
            try site.expectNothingStored("Own")
        }
    }

    // MARK: - Lies and worse

    /// A run that fails: what the program does, what the message must say, and whether the program hears of it.
    private static let badRuns: [(String, [String])] = [
        ("echo half; exit 3", ["status 3"]),
        ("echo half; kill -9 $$", ["signal 9"]),
        ("echo data; echo '{\"kind\": \"end\", \"bytes\": 4}' >&3", ["says that it wrote 4 bytes, but 5 came"]),
        ("echo '{\"kind\": \"end\", \"bytes\": 0}' >&3; echo data", ["says that it wrote 0 bytes, but 5 came"]),
        ("echo data; echo nonsense >&3", ["descriptor 3", "not JSON"]),
        ("echo data; echo '{\"kind\": \"later\"}' >&3", ["which protocol 1 does not have"]),
        ("echo data; echo '{\"kind\": \"type\", \"type\": \"inc\"}' >&3", ["told to make a full backup"]),
        ("echo data; printf '{\"kind\": \"note\"' >&3", ["descriptor 3", "has no end"]),
        ("echo data; yes '{\"kind\": \"progress\", \"done\": 1}' >&3", ["more than 16777216 bytes to descriptor 3"]),
        ("echo data; yes | tr -d '\\n' >&3", ["a line of more than 131072 bytes"]),
        ("echo data; exec sleep 1000", ["has not ended within 2s"]),
        ("echo data; trap '' TERM; while :; do :; done", ["has not ended within 2s"]),
    ]

    @Test(.timeLimit(.minutes(2)), arguments: badRuns)
    func nothingOfABadRunIsStored(script: String, words: [String]) async throws {
        try await withSite { site in
            try site.program(
                run: #"echo '{"kind": "state", "state": 1}' >&3; echo '{"kind": "progress", "text": "begun"}' >&3; "#
                    + script,
                failed: #"echo "$2: $GB_ERROR" >>"$TRACE""#,
                keys: ["timeout: \(script.contains("yes") ? "2min" : "2s")"])
            let outcome = try #require(try await once(site).outcomes.first)
            let failure = try #require(outcome.failure)
            for word in words + ["/h/own", "programs/Own"] {
                #expect(failure.description.contains(word), "\(failure)")
            }
            #expect(outcome.notes.contains { $0.contains("its last progress was: ") })
            try site.expectNothingStored("Own")
            #expect(!site.place.names("state/generators/Own").contains("state.current"))
            let told = String(decoding: try site.place.read("trace/told"), as: UTF8.self)
            #expect(told.hasPrefix("/h/own: "))
        }
    }

    /// Between the plan and the run the file was changed: an update that is cut short leaves an empty one, and `sh` takes
    /// that for a script that does well.
    @Test(arguments: ["", "echo not a program that the kernel starts\n", "#!/bin/sh\necho other\n"])
    func aProgramThatWasReplacedIsAskedFirst(text: String) async throws {
        try await withSite { site in
            try site.program(run: "echo data")
            let generator = try await site.generator()
            await generator.look()
            let path = try site.place.write("programs/Own", text)
            let outcomes = await generator.carryOut(generator.outlook().runs)
            let failure = try #require(outcomes.first?.failure)
            #expect(failure.code == .busy && failure.description.contains("was changed since"), "\(failure)")
            try site.expectNothingStored("Own")
            try #require(chmod(path, 0o755) == 0)
            // It is not what another file has said that is done next.
            await generator.look()
            #expect(generator.outlook().runs.isEmpty)
        }
    }

    /// Answers of `describe` and `plan` that are of no use.
    private static let badAnswers: [(describe: String?, plan: String?, words: [String])] = [
        ("echo '{\"protocol\": 2, \"name\": \"x\"}'", nil, ["describe", "version 2 of the protocol", "update gb"]),
        ("echo hello", nil, ["describe", "not JSON"]), ("exit 1", nil, ["describe", "status 1"]),
        (nil, "exit 4", ["plan", "status 4"]), (nil, "echo", ["plan", "not JSON"]),
        (nil, "yes", ["plan", "longer than 1048576 bytes"]),
        (nil, "exec sleep 1000", ["plan", "has not ended within 1s"]),
        (
            nil, "echo '{\"sources\": [{\"source\": \"/x\", \"type\": \"full\", \"due\": 0}]}'",
            ["/x does not lie in /h"]
        ),
        (nil, "echo '{\"sources\": [{\"source\": \"/h/own\", \"type\": \"full\", \"due\": -5}]}'", ["before 1970"]),
    ]

    @Test(.timeLimit(.minutes(2)), arguments: badAnswers.indices)
    func aBadAnswerIsAProblemOfThatUnitAlone(index: Int) async throws {
        let (describe, plan, words) = Self.badAnswers[index]
        try await withSite { site in
            try site.program(
                describe: describe, plan: plan, run: "echo data", keys: ["prefix: /h", "call_timeout: 1s"])
            try site.command([("/h/db", "echo good")])
            let (outcomes, problems) = try await once(site)
            #expect(outcomes.map(\.source.description) == ["/h/db"])
            let problem = try #require(problems.first).description
            for word in words + ["unit Own", "programs/Own"] {
                #expect(problem.contains(word), "\(problem)")
            }
            #expect(problem.ranges(of: "unit Own").count == 1, "its name once: \(problem)")
            #expect(problems.count == 1)
        }
    }

    /// The check is what a service runs before it starts: what may pass must not keep the other units from being run.
    @Test(arguments: [
        ("exit 4", ConfigurationCheck.Finding.Grade.warning), ("exec sleep 1000", .warning), ("exit 78", .error),
        ("echo nonsense", .error), ("echo soon >&2; exit 75", .warning),
    ])
    func theCheckAsksThePrograms(plan: String, grade: ConfigurationCheck.Finding.Grade) async throws {
        try await withSite { site in
            try site.program(plan: plan, run: "true", keys: ["call_timeout: 1s"])
            var check = ConfigurationCheck(try site.installation())
            await check.look()
            let findings = check.run().filter { $0.subject == "unit Own" && $0.message.contains("`") }
            #expect(findings.map(\.grade) == [grade], "\(findings)")
            #expect(findings.allSatisfy { $0.message.contains("Own plan`") && !$0.message.contains("unit Own") })
            let good = check.run().filter { $0.subject == "unit Own" && $0.grade == .good }
            #expect(good.isEmpty == !plan.contains("exit 75"), "what cannot be planned is not good: \(good)")
        }
    }

    @Test func aSourceOfAnotherUnitIsNotTaken() async throws {
        try await withSite { site in
            try site.command([("/h/own", "echo good")])
            try site.program(run: "echo stolen")
            let (outcomes, problems) = try await once(site)
            #expect(outcomes.map(\.unit) == ["Dump"])
            #expect(problems.count == 1 && problems[0].description.contains("/h/own"))
            #expect(try data(site) == ["good\n"])
        }
    }

    /// What keeps the unit `name`, which alone is asked for, from being run.
    private func refusals(_ site: Site, of name: String) async throws -> [BackupError] {
        let generator = try await Generator.start(try site.installation(), only: [name], softwareVersion: "test")
        await generator.look()
        let outlook = generator.outlook()
        return outlook.errors + (await generator.carryOut(outlook.runs)).compactMap(\.failure)
    }

    /// Who has stored something goes first, whoever is asked for now, and whether that unit can be used or not.
    @Test(arguments: ["selected", "earlier", "broken", "disabled"])
    func aChainThatAnotherUnitHasBegunIsItsOwn(how: String) async throws {
        try await withSite { site in
            try site.program(as: "Mine", run: "echo mine")
            try await once(site)
            let link = site.place.path("etc/units/Mine")
            switch how {
            case "broken": try site.place.write("etc/units/Mine.config", "nonsense: 1\n")
            case "disabled": try #require(unlink(link) == 0)
            default: break
            }
            let name = how == "earlier" ? "Alien" : "Other"
            try site.program(as: name, run: "echo stolen")
            let errors = try await refusals(site, of: name)
            #expect(errors.count == 1)
            #expect(errors.allSatisfy { $0.description.contains("the unit Mine has this source already") }, "\(errors)")
            #expect(try data(site) == ["mine\n"])
            var check = ConfigurationCheck(try site.installation())
            await check.look()
            let findings = check.run().filter { $0.subject == "unit \(name)" && $0.message.contains("/h/own") }
            #expect(findings.map(\.grade) == [.error], "\(findings)")
            guard how == "disabled" else { return }
            // The way out that the message names.
            let state = site.place.path("state/generators/Mine")
            try #require(rename(state, site.place.path("moved")) == 0)
            site.clock.advance(by: TimeSpan(seconds: 100))
            let taken = try await once(site)
            #expect(taken.outcomes.allSatisfy { $0.failure == nil } && taken.problems.isEmpty)
            #expect(try data(site).count == 2)
        }
    }

    @Test func whatOthersCanChangeIsNotRunByRoot() async throws {
        try await withSite { site in
            try site.program(run: "echo data")
            try #require(chmod(site.place.path("programs/Own"), 0o777) == 0)
            let (outcomes, problems) = try await once(site)
            if geteuid() == 0 {
                #expect(outcomes.isEmpty)
                #expect(problems.first?.description.contains("chmod go-w") == true)
            } else {
                #expect(outcomes.count == 1 && problems.isEmpty)
            }
        }
    }

    @Test func aHintThatIsNotTakenLosesNothing() async throws {
        try await withSite { site in
            try site.program(run: "echo data", done: "exit 9")
            let outcome = try #require(try await once(site).outcomes.first)
            #expect(outcome.failure == nil && outcome.element != nil)
            #expect(outcome.notes.contains { $0.contains("done /h/own") && $0.contains("status 9") })
        }
    }

    /// Whoever interrupts a run does not wait for the hint either, which may take `call_timeout`.
    @Test(.timeLimit(.minutes(1)), arguments: [("echo data", "done"), ("echo data; exit 1", "failed")])
    func aHintThatHangsEndsWithTheRun(run: String, call: String) async throws {
        try await withSite { site in
            let hang = #"echo >"$TRACE"; exec sleep 1000"#
            try site.program(run: run, done: hang, failed: hang, keys: ["call_timeout: 10min"])
            let generator = try await site.generator()
            await generator.look()
            let runs = generator.outlook().runs
            let task = Task { await generator.carryOut(runs) }
            while !site.place.exists("trace/told") { try await Task.sleep(for: .milliseconds(20)) }
            task.cancel()
            let outcome = try #require(await task.value.first)
            #expect((outcome.failure == nil) == (call == "done"))
            #expect(outcome.notes.contains { $0.contains("\(call) /h/own` went wrong") }, "\(outcome.notes)")
        }
    }

    // MARK: - lib-enabled

    @Test func programsAreFoundInTheLibrary() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place, compression: "{ command: [pack], restore: [unpack] }")
            try place.makeDirectory("etc/lib-enabled")
            for (name, script) in [
                ("pack", "exec tr a-y b-z"), ("unpack", "exec tr b-z a-y"), ("dump-it", "echo abc"),
                ("before", "touch '\(place.path("trace/before"))'"),
            ] {
                let path = try place.write("programs/\(name)", "#!/bin/sh\n\(script)\n")
                try #require(chmod(path, 0o755) == 0)
                try place.link("etc/lib-enabled/" + name, to: path)
            }
            try place.write("root/file", "x")
            try site.tar(keys: ["pre_command: [before]"])
            try place.link("etc/units/Dump", to: Site.definitions + "command")
            try place.write(
                "etc/units/Dump.config",
                "sources: { /h/db: { command: [dump-it], full_timing: { min: 1d, max: 2d } } }\n")
            try place.write("definition", "unit: program\nprogram: own\n")
            try place.link("etc/units/Own", to: place.path("definition"))
            let own = try place.write(
                "programs/own",
                Site.programText(run: "echo xyz"))
            try #require(chmod(own, 0o755) == 0)
            try place.link("etc/lib-enabled/own", to: own)

            var check = ConfigurationCheck(try site.installation())
            await check.look()
            let findings = check.run()
            #expect(findings.filter { $0.grade == .error } == [])
            #expect(
                findings.contains { $0.subject == "lib-enabled" && $0.message == "before, dump-it, own, pack, unpack" })
            let (outcomes, problems) = try await once(site)
            #expect(problems.isEmpty && outcomes.allSatisfy { $0.failure == nil } && outcomes.count == 3)
            #expect(place.exists("trace/before"))
            #expect(try data(site, "/h/db") == ["bcd\n"], "packed")
        }
    }

    @Test func theCheckNamesWhatIsWrongInTheLibrary() async throws {
        try await withSite(compression: "{ command: [gone], restore: [plain] }") { site in
            let place = site.place
            try site.command([("/h/db", "true")])
            try place.makeDirectory("etc/lib-enabled")
            try place.link("etc/lib-enabled/gone", to: place.path("nowhere"))
            try place.write("etc/lib-enabled/plain", "no program")
            try place.write("etc/lib-enabled/README", "what lies here")
            for name in ["cat", "tar"] { try place.link("etc/lib-enabled/" + name, to: "/bin/echo") }
            var check = ConfigurationCheck(try site.installation())
            let findings = check.run().filter { $0.subject == "lib-enabled" }
            func has(_ grade: ConfigurationCheck.Finding.Grade, _ words: String...) -> Bool {
                findings.contains { finding in
                    finding.grade == grade && words.allSatisfy { finding.message.contains($0) }
                }
            }
            #expect(has(.error, "gone", "leads nowhere"))
            #expect(has(.error, "plain", "may not execute"))
            #expect(has(.warning, "cat takes the place of", "bin/cat"))
            #expect(has(.warning, "tar", "goes on to use that of the system"))
            #expect(has(.warning, "README", "may not execute", "nothing in the configuration names it"))
            #expect(findings.count == 6, "\(findings)")
        }
    }
}

private enum DataFile {
    static func read(_ path: String) throws -> [UInt8] {
        let raw = try systemCall("open", path) { open(path, O_RDONLY | O_CLOEXEC) }
        return try OwnedDescriptor(raw, name: path).readAll(limit: 1 << 20)
    }
}
