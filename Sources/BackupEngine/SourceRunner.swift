import BackupConfig
import BackupCrypto
import BackupModel
import BackupPipeline
import BackupStorage
import BackupSystem
import BackupUnits
import ServiceLifecycle
import Synchronization

/// Runs one source of one unit: from the unit's program through the pipeline into the storage.
struct SourceRunner {
    let configuration: MainConfiguration
    let storage: DefaultFileStorage
    let journal: RunJournal
    let clock: any WallClock
    let softwareVersion: String
    let libraryDirectory: String
    let observer: (any RunObserver)?
    private let ends = ChainEnds()

    /// Sources of which the unit's state is known not to be behind the storage.
    private final class ChainEnds: Sendable {
        let sources = Mutex<Set<SourceURL>>([])
    }

    init(
        configuration: MainConfiguration, storage: DefaultFileStorage, journal: RunJournal, clock: any WallClock,
        softwareVersion: String, libraryDirectory: String, observer: (any RunObserver)?
    ) {
        self.configuration = configuration
        self.storage = storage
        self.journal = journal
        self.clock = clock
        self.softwareVersion = softwareVersion
        self.libraryDirectory = libraryDirectory
        self.observer = observer
    }

    /// - Parameters:
    ///   - type: `nil` for what the unit's schedule says.
    ///   - check: throws what keeps the unit from going on with the source, as the storage is.
    func run(
        _ unit: any BackupUnit, _ settings: PipelineSettings, _ source: SourceURL, type: BackupType?,
        check: @escaping @Sendable (DefaultFileStorage) throws(BackupError) -> Void
    ) async -> RunOutcome {
        let start = SystemClock.monotonic()
        let progress = PipelineProgress()
        var outcome = RunOutcome(unit: unit.name, source: source, type: type ?? .full)
        var reports: [StageReport] = []
        do throws(BackupError) {
            let now = clock.now()
            // It may read long logs and start what decompresses them.
            let run = try await BlockingThread.run("gb prepare") { () throws(BackupError) in
                try check(storage)
                return try unit.prepare(source, type: type, now: now)
            }
            outcome = RunOutcome(unit: unit.name, source: source, type: run.type)
            observer?.started(unit: unit.name, source: source, type: run.type, progress: progress)
            try journal.begin(outcome, reason: run.reason)
            do throws(BackupError) {
                try await carryOut(run, settings, progress, &outcome, &reports)
            } catch {
                outcome.notes += await conclude(run, error)
                throw error
            }
            outcome.notes += await conclude(run, nil)
        } catch {
            outcome.failure = .runFailed(source, error)
        }
        outcome.seconds = SystemClock.monotonic() - start
        // A journal on a full disk must not hide how the run ended: that is what the caller is told.
        do throws(BackupError) { try journal.end(outcome, reports) } catch {
            outcome.notes.append(error.description)
        }
        observer?.finished(outcome)
        return outcome
    }

    /// The element is safe, or there is none: whoever stops a service does not wait for the rest as for a run.
    private func conclude(_ run: any UnitRun, _ failure: BackupError?) async -> [String] {
        await cancelWhenGracefulShutdown { await run.conclude(failure) }
    }

    private func carryOut(
        _ run: any UnitRun, _ settings: PipelineSettings, _ progress: PipelineProgress, _ outcome: inout RunOutcome,
        _ reports: inout [StageReport]
    ) async throws(BackupError) {
        if run.type == .inc, let predecessor = run.predecessor, try !storage.contains(predecessor, of: run.source) {
            // Where elements move on to other storages that is so by intention.
            outcome.notes.append(
                "the element before this increment is not in this storage: it can be restored only where that one is")
        }
        var isInDoubt = false
        var isStored = false
        defer { if !isStored, !isInDoubt { run.abandoned() } }

        // Keys first: what cannot be encrypted or signed is not read.
        let builder = PipelineBuilder(
            keysDirectory: configuration.general.keysDirectory, now: clock.now(), libraryDirectory: libraryDirectory)
        let built = try builder.build(compression: settings.compression, encryption: run.encryption)
        let signer = try await BlockingThread.run("gb sign") { () throws(BackupError) in
            try builder.signer(settings.signing)
        }
        let sink = try storage.beginElement(source: run.source)
        defer { sink.discard() }

        let result = try await produce(run, built.stages, sink.descriptor, settings, progress, &outcome, &reports)
        // A program may find out only now that it must make a full.
        outcome.type = run.type
        guard let checksum = result.outputSHA512 else {
            throw BackupError(.failed, "the pipeline gave no checksum")
        }
        let makers = ProducerStages(run.producer).stages.count
        let producer = makers > 0 ? reports.first : nil
        outcome.bytesOut = result.outputSize
        outcome.bytesIn = producer?.bytesOut ?? reports.dropFirst(makers).first?.bytesIn ?? result.outputSize
        if let producer { outcome.notes += run.notes(producer) }
        try run.checkProduced()
        if configuration.general.testMode {
            outcome.notes.append("test mode: the element was made and dropped")
            return
        }
        let uuid = run.uuid(checksum: checksum)
        let machine = registeredMachine(&outcome)
        let plain = ElementMetadata(
            type: run.type, timestamp: run.timestamp, uuid: uuid, predecessor: run.predecessor,
            handlingPolicies: run.policies, checksum: checksum, pipeline: [run.record] + built.records,
            origin: ElementOrigin(machine: machine?.description, unit: run.unit, software: softwareVersion))
        if run.mayBeStored, try isAtHand(uuid, of: run.source) {
            try run.willStore(uuid)
            isInDoubt = true
            try run.stored()
            isStored = true
            outcome.isStoredAlready = true
            outcome.notes.append("the same element is in the storage already: it was not stored again")
            outcome.notes += run.finish()
            return
        }
        let metadata = try await signed(plain, signer)
        try run.willStore(uuid)
        // From here on a failure may leave the element visible: the unit finds out by looking for the UUID.
        isInDoubt = true
        outcome.element = try await BlockingThread.run("gb commit") { () throws(BackupError) in
            try sink.commit(metadata, size: result.outputSize)
        }
        try run.stored()
        isStored = true
        outcome.events = run.events
        outcome.notes += run.finish()
    }

    /// Read anew for each run: a machine may be registered while a generator works. A backup without the name of its machine
    /// is better than none.
    private func registeredMachine(_ outcome: inout RunOutcome) -> MachineID? {
        do throws(BackupError) {
            return try MachineRegistration.read(in: try Directory(path: configuration.general.stateDirectory))
        } catch {
            outcome.notes.append(error.description)
            return nil
        }
    }

    /// Whether the storage has the element already. A chain that was found to go on from here needs no second look: only
    /// what was made before this process can be there.
    private func isAtHand(_ uuid: ElementUUID, of source: SourceURL) throws(BackupError) -> Bool {
        if ends.sources.withLock({ $0.contains(source) }) { return false }
        if try storage.contains(uuid, of: source) { return true }
        ends.sources.withLock { _ = $0.insert(source) }
        return false
    }

    /// The metadata hold the SHA-512 of the data, so their signature covers both: the data need not be read again.
    private func signed(_ metadata: ElementMetadata, _ signer: Signer?) async throws(BackupError) -> ElementMetadata {
        guard let signer else { return metadata }
        return try await BlockingThread.run("gb sign") { () throws(BackupError) in
            do throws(BackupError) {
                return try metadata.signed(storageFile: nil) { text throws(BackupError) in
                    try signer.sign(Array(text.utf8))
                }
            } catch {
                throw .signingImpossible(error)
            }
        }
    }

    /// Pre command, pipeline, post command.
    private func produce(
        _ run: any UnitRun, _ stages: [Stage], _ output: OwnedDescriptor, _ settings: PipelineSettings,
        _ progress: PipelineProgress, _ outcome: inout RunOutcome, _ reports: inout [StageReport]
    ) async throws(BackupError) -> PipelineResult {
        let result: PipelineResult
        do throws(BackupError) {
            try await Self.run(run.preCommand, settings, "pre_command", run.source)
            let begin = ProducerStages(run.producer)
            let pipeline = Pipeline(
                input: begin.input, stages: begin.stages + stages, output: .file(output),
                stallTimeout: settings.stallTimeout, progress: progress)
            let ended = await pipeline.run()
            reports = ended.reports
            do throws(BackupError) { result = try ended.result.get() } catch {
                guard case .file(let file, _) = run.producer else { throw error }
                throw .fileNotStored(file.name, error)
            }
        } catch {
            // The first failure is the one to report; the post command undoes what the pre command did, whatever happened.
            do throws(BackupError) { try await post(run, settings) } catch let second {
                outcome.notes.append(second.description)
            }
            throw error
        }
        try await post(run, settings)
        return result
    }

    /// A run that is interrupted still undoes what its pre command did: the post command is not cancelled with it, however
    /// often somebody interrupts.
    private func post(_ run: any UnitRun, _ settings: PipelineSettings) async throws(BackupError) {
        let (command, source) = (run.postCommand, run.source)
        let task = Haste.$current.withValue(nil) {
            Task { () async -> Result<Void, BackupError> in
                do throws(BackupError) {
                    return .success(try await Self.run(command, settings, "post_command", source))
                } catch {
                    return .failure(error)
                }
            }
        }
        try await task.value.get()
    }

    private static func run(
        _ command: ProcessStage?, _ settings: PipelineSettings, _ what: String, _ source: SourceURL
    ) async throws(BackupError) {
        guard let command else { return }
        let pipeline = Pipeline(
            input: .nothing, stages: [.process(command)], output: .nothing, stallTimeout: settings.stallTimeout)
        do throws(BackupError) { _ = try await pipeline.run().result.get() } catch {
            throw .commandFailed(what, source, error)
        }
    }
}
