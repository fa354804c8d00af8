import BackupConfig
package import BackupModel
package import BackupPipeline
import BackupStorage
import BackupSystem
import BackupUnits

/// How one run of one source ended.
package struct RunOutcome: Sendable {
    package let unit: String
    package let source: SourceURL
    package let type: BackupType
    /// The new element; `nil` when the run failed or the configuration is in test mode.
    package var element: ElementID?
    /// Bytes before compression and encryption, as far as they passed through this process.
    package var bytesIn: Int64
    /// Bytes that were stored.
    package var bytesOut: Int64
    /// Wall time in seconds, from the first command to the durable element.
    package var seconds: Double
    /// What an administrator should know though the run did well.
    package var notes: [String]
    package var failure: BackupError?
}

/// Is told what a generator does, for whoever watches.
package protocol RunObserver: Sendable {
    /// A run begins; `progress` counts its bytes from now on.
    func started(unit: String, source: SourceURL, type: BackupType, progress: PipelineProgress)
    func finished(_ outcome: RunOutcome)
}

/// Runs one source of one unit: from the unit's program through the pipeline into the storage.
struct SourceRunner {
    let configuration: MainConfiguration
    let storage: DefaultFileStorage
    let journal: Journal
    let clock: any WallClock
    let softwareVersion: String
    let observer: (any RunObserver)?

    /// - Parameter type: `nil` for what the unit's schedule says.
    func run(
        _ unit: any BackupUnit, _ settings: PipelineSettings, _ source: SourceURL, type: BackupType?
    ) async -> RunOutcome {
        let start = SystemClock.monotonic()
        let progress = PipelineProgress()
        var outcome = RunOutcome(
            unit: unit.name, source: source, type: type ?? .full, element: nil, bytesIn: 0, bytesOut: 0, seconds: 0,
            notes: [], failure: nil)
        var reports: [StageReport] = []
        do throws(BackupError) {
            let run = try unit.prepare(source, type: type, now: clock.now())
            outcome = RunOutcome(
                unit: unit.name, source: source, type: run.type, element: nil, bytesIn: 0, bytesOut: 0, seconds: 0,
                notes: [], failure: nil)
            observer?.started(unit: unit.name, source: source, type: run.type, progress: progress)
            try journal.append(event(.runStarted, outcome).with("reason", run.reason))
            try await carryOut(run, settings, progress, &outcome, &reports)
        } catch {
            outcome.failure = .runFailed(source, error)
        }
        outcome.seconds = SystemClock.monotonic() - start
        // A journal on a full disk must not hide how the run ended: that is what the caller is told.
        do throws(BackupError) { try record(outcome, reports) } catch {
            outcome.notes.append(error.description)
        }
        observer?.finished(outcome)
        return outcome
    }

    private func carryOut(
        _ run: any UnitRun, _ settings: PipelineSettings, _ progress: PipelineProgress, _ outcome: inout RunOutcome,
        _ reports: inout [StageReport]
    ) async throws(BackupError) {
        var isInDoubt = false
        var isStored = false
        defer { if !isStored, !isInDoubt { run.abandoned() } }

        // Keys first: what cannot be encrypted is not read.
        let builder = PipelineBuilder(keysDirectory: configuration.general.keysDirectory, now: clock.now())
        let built = try builder.build(compression: settings.compression, encryption: run.encryption)
        let sink = try storage.beginElement(source: run.source)
        defer { sink.discard() }

        let result = try await produce(run, built.stages, sink.descriptor, settings, progress, &outcome, &reports)
        guard let checksum = result.outputSHA512 else {
            throw BackupError(.failed, "the pipeline gave no checksum")
        }
        let producer = reports.first
        outcome.bytesOut = result.outputSize
        outcome.bytesIn = producer?.bytesOut ?? reports.dropFirst().first?.bytesIn ?? result.outputSize
        if let producer { outcome.notes += run.notes(producer) }
        if configuration.general.testMode {
            outcome.notes.append("test mode: the element was made and dropped")
            return
        }
        let uuid = run.uuid(checksum: checksum)
        let metadata = ElementMetadata(
            type: run.type, timestamp: run.timestamp, uuid: uuid, predecessor: run.predecessor,
            handlingPolicies: run.policies, checksum: checksum, pipeline: [run.record] + built.records,
            origin: ElementOrigin(machine: nil, unit: run.unit, software: softwareVersion))
        try run.willStore(uuid)
        // From here on a failure may leave the element visible: the unit finds out by looking for the UUID.
        isInDoubt = true
        outcome.element = try await BlockingThread.run("gb commit") { () throws(BackupError) in
            try sink.commit(metadata, size: result.outputSize)
        }
        try run.stored()
        isStored = true
    }

    /// Pre command, pipeline, post command.
    private func produce(
        _ run: any UnitRun, _ stages: [Stage], _ output: OwnedDescriptor, _ settings: PipelineSettings,
        _ progress: PipelineProgress, _ outcome: inout RunOutcome, _ reports: inout [StageReport]
    ) async throws(BackupError) -> PipelineResult {
        do throws(BackupError) {
            if let command = run.preCommand { try await Self.run(command, settings, "pre_command", run.source) }
            let pipeline = Pipeline(
                input: .nothing, stages: [.process(run.producer)] + stages, output: .file(output),
                stallTimeout: settings.stallTimeout, progress: progress)
            let ended = await pipeline.run()
            reports = ended.reports
            let result = try ended.result.get()
            try await post(run, settings)
            return result
        } catch {
            // The first failure is the one to report; the post command undoes what the pre command did, whatever happened.
            do throws(BackupError) { try await post(run, settings) } catch let second {
                outcome.notes.append(second.description)
            }
            throw error
        }
    }

    private func post(_ run: any UnitRun, _ settings: PipelineSettings) async throws(BackupError) {
        guard let command = run.postCommand else { return }
        try await Self.run(command, settings, "post_command", run.source)
    }

    private static func run(
        _ command: ProcessStage, _ settings: PipelineSettings, _ what: String, _ source: SourceURL
    ) async throws(BackupError) {
        let pipeline = Pipeline(
            input: .nothing, stages: [.process(command)], output: .nothing, stallTimeout: settings.stallTimeout)
        // A run that is interrupted still undoes what its pre command did: the post command is not cancelled with it.
        let outcome = await Task { await pipeline.run() }.value
        do throws(BackupError) { _ = try outcome.result.get() } catch {
            throw .commandFailed(what, source, error)
        }
    }

    // MARK: - Journal

    private func event(_ kind: JournalEvent.Kind, _ outcome: RunOutcome) -> JournalEvent {
        JournalEvent(kind, at: clock.now())
            .with("unit", outcome.unit).with("source", outcome.source.description).with("type", outcome.type.rawValue)
    }

    private func record(_ outcome: RunOutcome, _ reports: [StageReport]) throws(BackupError) {
        let stages = reports.map { report -> JSONValue in
            var object: JSONObject = ["stage": .string(report.name), "seconds": .number(report.seconds.fixed(3))]
            if let status = report.exitStatus { object["status"] = .integer(status) }
            if let bytes = report.bytesIn { object["bytes_in"] = .integer(bytes) }
            if let bytes = report.bytesOut { object["bytes_out"] = .integer(bytes) }
            // As much as explains a failure; a program that says more says it to nobody.
            if !report.standardError.isEmpty { object["stderr"] = .string(String(report.standardError.suffix(8192))) }
            if let failure = report.failure { object["failure"] = .string(failure.message) }
            return .object(object)
        }
        var line = event(outcome.failure == nil ? (outcome.element == nil ? .note : .elementStored) : .runFailed, outcome)
            .with("element", outcome.element?.description)
            .with("bytes_in", .integer(outcome.bytesIn)).with("bytes_out", .integer(outcome.bytesOut))
            .with("duration", .number(outcome.seconds.fixed(3)))
        if !stages.isEmpty { line = line.with("stages", .array(stages)) }
        if !outcome.notes.isEmpty { line = line.with("notes", .array(outcome.notes.map { .string($0) })) }
        if let failure = outcome.failure {
            line = line.with("code", failure.code.rawValue).with("error", failure.description)
        }
        try journal.append(line)
    }
}
