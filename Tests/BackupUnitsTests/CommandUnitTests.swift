import BackupConfig
import BackupModel
import BackupPipeline
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

@Suite struct CommandUnitTests {
    private func source(
        _ command: [String], workingDirectory: String? = nil, environment: [String: String] = [:]
    ) throws -> CommandSourceSettings {
        CommandSourceSettings(
            source: try SourceURL("/db/dump"), command: command, timing: daily, timeout: TimeSpan(seconds: 90),
            workingDirectory: workingDirectory, environment: environment, policies: ["p"], encryption: .none)
    }

    @Test func runsItsCommandAndChainsItsElements() throws {
        let scratch = try Scratch()
        let directory = try scratch.directory("work")
        let command = ["sh", "-c", "echo $NAME $GB_SOURCE $GB_TYPE $(pwd)"]
        let settings = try source(command, workingDirectory: directory, environment: ["NAME": "value"])
        let bench = try Bench(.command([settings]), in: scratch)
        let output = scratch.path + "/out"
        let first = try bench.run("/db/dump", at: 1_795_220_058, output: output)
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "value /db/dump full \(directory)\n")
        #expect(
            first.type == .full && first.predecessor == nil && first.producer.process?.timeout == TimeSpan(seconds: 90))
        #expect(
            first.record
                == StageRecord(stage: "command", restore: nil, other: ["Program": .string("sh")]))
        let second = try bench.run("/db/dump", type: .inc, at: 1_795_300_000)
        #expect(second.type == .full && second.reason.contains("full backups only"))
        #expect(second.predecessor != nil)
        #expect(second.predecessor == first.source.firstUUID(in: bench))
        let next = try #require(try bench.unit.schedule(now: Timestamp(1_795_300_001)).first)
        #expect(next.due == daily.next(after: Timestamp(1_795_300_000)))
        #expect(bench.files.names == ["state.current", "state.old"])
    }

    @Test func theProgramMustBeThere() throws {
        let scratch = try Scratch()
        try shell("printf '#!/bin/sh\n' >run.sh; touch data", in: scratch.path)
        func prepare(_ command: [String], _ environment: [String: String] = [:], in directory: String? = nil) throws {
            let settings = try source(command, workingDirectory: directory, environment: environment)
            let bench = try Bench(.command([settings]), in: scratch)
            _ = try bench.unit.prepare(try SourceURL("/db/dump"), type: nil, now: Timestamp(1))
        }
        try prepare(["sh"])
        try prepare(["/bin/sh"])
        expectError(.programMissing, mentions: ["no-such-program", "sources./db/dump.command"]) {
            try prepare(["no-such-program"])
        }
        expectError(.programMissing, mentions: ["/none"]) { try prepare(["sh"], ["PATH": "/none"]) }
        expectError(.programMissing, mentions: ["data"]) { try prepare([scratch.path + "/data"]) }
        expectError(.programMissing, mentions: ["./run.sh"]) { try prepare(["./run.sh"], in: scratch.path) }
        try shell("chmod +x run.sh", in: scratch.path)
        try prepare(["./run.sh"], in: scratch.path)
        expectError(.notFound, mentions: ["working_directory", "/none"]) { try prepare(["sh"], in: "/none") }
        expectError(.configuration, mentions: ["command"]) { try prepare([]) }
    }

    @Test func crashesAreSettled() throws {
        let scratch = try Scratch()
        let bench = try Bench(.command([try source(["true"])]), in: scratch)
        let first = try bench.run("/db/dump", at: 1000)
        for stored in [false, true] {
            let run = try bench.unit.prepare(try SourceURL("/db/dump"), type: nil, now: Timestamp(2000))
            let uuid = run.uuid(checksum: [stored ? 1 : 0])
            try run.willStore(uuid)
            if stored { bench.add(run, uuid) }
            #expect(try bench.recover().count == 1)
            #expect(try bench.recover() == [])
            #expect(bench.files.names.contains("state.next") == false)
            let next = try bench.unit.prepare(try SourceURL("/db/dump"), type: nil, now: Timestamp(3000))
            #expect(next.predecessor == (stored ? uuid : first.source.firstUUID(in: bench)))
        }
    }
}

extension SourceURL {
    fileprivate func firstUUID(in bench: Bench) -> ElementUUID? {
        bench.elements.withLock { $0.first { $0.source == self }?.uuid }
    }
}
