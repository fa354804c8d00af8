import BackupConfig
import BackupModel
import BackupPipeline
import BackupSystem
import Synchronization

/// A program of the administrator's own, which speaks the protocol of `doc/own-units.md`: it says what is to be backed up
/// and when, and makes the data. Chain, UUIDs and state are ours.
///
/// The program is asked by ``look(now:)``; all that is synchronous works with its last answer.
final class ProgramUnit: BackupUnit {
    private struct Progress {
        /// What is under way: the program is never called twice at a time.
        var isRunning = false
        var isAsking = false
        /// When the program was asked.
        var asked: Timestamp?
        var mustAsk = true
        var identity: [Int64] = []
        var description: ProgramDescription?
        /// `nil` when the last answer was of no use.
        var plan: ProgramPlan?
        var problem: BackupError?
        var notices: [String] = []
        /// Sources that were stored since the plan was made: it says nothing of them any more.
        var stored: Set<SourceURL> = []
    }

    let name: String
    let files: UnitDirectory
    let caller: ProgramCaller
    private let settings: ProgramSettings
    private let progress = Mutex(Progress())

    init(_ name: String, _ settings: ProgramSettings, _ context: UnitContext) {
        self.name = name
        self.settings = settings
        files = UnitDirectory(name, context)
        caller = ProgramCaller(
            unit: name, settings: settings, library: context.libraryDirectory,
            scratch: context.stateDirectory + "/generators/" + name + "/scratch")
    }

    let findsSources = true
    let plansSources = true

    var sources: [SourceURL] {
        let planned = progress.withLock { $0.plan.map { Array($0.sources.keys) } ?? [] }
        let known = (try? files.state())?.sources ?? []
        return Set(known).union(planned).sorted()
    }

    // MARK: - Asking

    func claimLook(now: Timestamp) -> Bool {
        progress.withLock { progress in
            guard !progress.isRunning, !progress.isAsking else { return false }
            if !progress.mustAsk, let asked = progress.asked, asked <= now, now < asked + settings.planEvery {
                return false
            }
            progress.isAsking = true
            return true
        }
    }

    func look(now: Timestamp) async {
        var notices: [String] = []
        let answer: Result<ProgramPlan, BackupError>
        do throws(BackupError) { answer = .success(try await plan(now, &notices)) } catch { answer = .failure(error) }
        progress.withLock { progress in
            progress.isAsking = false
            // Nobody wanted to wait for the answer: what is known stays as it was, and it is asked again.
            if case .failure(let error) = answer, error.code == .interrupted { return progress.mustAsk = true }
            progress.mustAsk = false
            progress.asked = now
            progress.stored = []
            progress.plan = try? answer.get()
            progress.problem = nil
            progress.notices = notices + (progress.plan?.notes ?? [])
            guard case .failure(let error) = answer else { return }
            // A notice stands alone, a problem is handed on with the name of the unit.
            if error.code == .busy {
                progress.notices.append("unit \(name): \(error)")
            } else {
                progress.problem = error
            }
        }
    }

    private func plan(_ now: Timestamp, _ notices: inout [String]) async throws(BackupError) -> ProgramPlan {
        let path = try caller.locate()
        try await describe(path)
        try caller.makeScratch()
        let request = try request(now)
        return try await call(path, "plan", &notices, input: request) { answer throws(BackupError) in
            try ProgramPlan(parsing: answer, prefix: settings.prefix, now: now)
        }
    }

    /// Asks what the program is, if it is not the one that was asked before.
    private func describe(_ path: String) async throws(BackupError) {
        let identity = ProgramCaller.identity(path)
        if progress.withLock({ $0.description != nil && $0.identity == identity }) { return }
        progress.withLock { $0.description = nil }
        var ignored: [String] = []
        let description = try await call(path, "describe", &ignored, input: nil) { answer throws(BackupError) in
            try ProgramDescription(parsing: answer)
        }
        progress.withLock {
            $0.identity = identity
            $0.description = description
        }
    }

    private func call<Answer>(
        _ path: String, _ call: String, _ notices: inout [String], input: [UInt8]?,
        _ parse: ([UInt8]) throws(BackupError) -> Answer
    ) async throws(BackupError) -> Answer {
        do throws(BackupError) {
            let (answer, lines) = try await caller.ask(path, [call], input: input)
            notices += lines
            return try parse(answer)
        } catch {
            throw .callFailed(path, call, error)
        }
    }

    /// What `plan` can read from its standard input.
    private func request(_ now: Timestamp) throws(BackupError) -> [UInt8] {
        let state = try files.state()
        var sources = JSONObject()
        for source in state.sources {
            guard let entry = state[source] else { continue }
            var object: JSONObject = [
                "last": .integer(entry.last.seconds), "last_full": .integer(entry.lastFull.seconds),
                "uuid": .string(entry.uuid.base64),
            ]
            // Of a state that was lost nothing may be known that the chain does not hold.
            object["state"] = state.fallback == nil ? state.memory(of: source)?.state : nil
            sources[source.description] = .object(object)
        }
        let request: JSONObject = ["time": .integer(now.seconds), "sources": .object(sources)]
        return Array((JSONValue.object(request).compactText + "\n").utf8)
    }

    // MARK: - When

    func schedule(now: Timestamp) throws(BackupError) -> [ScheduledRun] { try outlook(now: now).runs }

    func outlook(now: Timestamp) throws(BackupError) -> UnitOutlook {
        let state = try files.state()
        let progress = progress.withLock { $0 }
        var outlook = UnitOutlook()
        let planned = progress.plan?.sources ?? [:]
        for (source, entry) in planned where !progress.isAsking && !progress.stored.contains(source) {
            outlook.runs.append(next(entry, state, now))
        }
        outlook.runs.sort { $0.source < $1.source }
        outlook.problems = progress.problem.map { [$0] } ?? []
        outlook.notices = progress.notices
        let reason =
            progress.isAsking
            ? "the program is being asked"
            : progress.plan != nil
                ? "the program's plan does not name it"
                : progress.asked == nil
                    ? "the program was not asked yet" : "the program has given no plan that can be used"
        let look = (progress.asked ?? now) + settings.planEvery
        outlook.waiting = Set(state.sources).union(progress.stored).subtracting(outlook.runs.map(\.source)).sorted()
            .map { source in
                let isStored = progress.stored.contains(source) && !progress.isAsking
                return WaitingSource(
                    unit: name, source: source, next: look,
                    reason: isStored ? "it was just stored; the program is asked again" : reason)
            }
        return outlook
    }

    func next(of source: SourceURL, now: Timestamp) throws(BackupError) -> ScheduledRun? {
        guard let entry = planned(source) else { return nil }
        return next(entry, try files.state(), now)
    }

    private func planned(_ source: SourceURL) -> ProgramPlan.Source? {
        progress.withLock { $0.stored.contains(source) ? nil : $0.plan?.sources[source] }
    }

    private func next(_ entry: ProgramPlan.Source, _ state: UnitState, _ now: Timestamp) -> ScheduledRun {
        let before = state[entry.source]
        let obstacle = obstacle(entry, state)
        var (type, due, reason): (BackupType, Timestamp, String)
        switch entry.when {
        case .timing(let full, let inc):
            let decision = RunDecision.make(full: full, increments: inc, before, now: now, increment: obstacle)
            (type, due, reason) = (decision.type, decision.due, decision.reason)
        case .due(let time, let wanted):
            (type, due) = (wanted, time)
            reason = (wanted == .full ? "full: " : "increment: ") + "the program wants it"
            if wanted == .inc, let obstacle {
                (type, reason) = (.full, "full in place of an increment: " + obstacle)
            }
        }
        if !entry.reason.isEmpty { reason += ": " + entry.reason }
        // Whatever the program says: not again and again.
        if let before, before.last <= now { due = max(due, before.last + settings.minimumInterval) }
        return ScheduledRun(unit: name, source: entry.source, type: type, due: due, reason: reason)
    }

    /// Why no increment can be made; `nil` when one can.
    private func obstacle(_ entry: ProgramPlan.Source, _ state: UnitState) -> String? {
        guard state[entry.source] != nil else { return "it has never run before" }
        if let note = state.fallback { return note }
        guard let memory = state.memory(of: entry.source) else {
            return "what the program knew of its last run was lost"
        }
        guard memory.format == entry.format else {
            return "its format was \(memory.format.rawValue) and is \(entry.format.rawValue)"
        }
        return nil
    }

    // MARK: - After a crash

    func recover(
        isStored: (SourceURL, ElementUUID) throws(BackupError) -> Bool
    ) throws(BackupError) -> [String] {
        progress.withLock { progress in
            progress.isRunning = false
            // What has gone wrong may have changed what is to be done.
            progress.mustAsk = true
        }
        guard let directory = try files.openIfPresent() else { return [] }
        let notes = try files.recover(directory, isStored: isStored) { _, _ in }
        return notes + (try files.repair(directory, forgetsMemories: true) {})
    }

    /// A run is over.
    ///
    /// - Parameter stored: the source, if its element is stored.
    func ended(_ stored: SourceURL?) {
        progress.withLock { progress in
            progress.isRunning = false
            guard let stored else { return }
            progress.stored.insert(stored)
            progress.mustAsk = true
        }
    }

    // MARK: - What

    func prepare(_ source: SourceURL, type: BackupType?, now: Timestamp) throws(BackupError) -> any UnitRun {
        let (plan, description) = progress.withLock { ($0.plan, $0.description) }
        guard let entry = planned(source) else {
            throw .notPlanned(name, source, known: (plan.map { Array($0.sources.keys) } ?? []).sorted())
        }
        let path = try caller.locate()
        // What was planned is what another file has said: this one may be half of an update, or empty.
        guard progress.withLock({ $0.identity }) == ProgramCaller.identity(path) else {
            progress.withLock { $0.mustAsk = true }
            throw .programChanged(name, path)
        }
        try caller.makeScratch()
        let directory = try files.open()
        if try files.hasUnfinishedRun(directory) { throw .unfinishedRun(name) }
        let state = try files.state(directory)
        let scheduled = next(entry, state, now)
        var (actual, reason) = (scheduled.type, scheduled.reason)
        switch type {
        case .full where actual != .full: (actual, reason) = (.full, "full: asked for")
        case .inc where actual != .inc:
            if let obstacle = obstacle(entry, state) {
                (actual, reason) = (.full, "full in place of an increment: " + obstacle)
            } else {
                (actual, reason) = (.inc, "increment: asked for")
            }
        default: break
        }
        let isFree = progress.withLock { progress -> Bool in
            guard !progress.isRunning, !progress.isAsking else { return false }
            progress.isRunning = true
            return true
        }
        guard isFree else { throw .programBusy(name) }
        return ProgramRun(
            unit: self, path: path, version: description?.version, plannedType: actual, reason: reason, timestamp: now,
            entry: entry, settings: settings, state: state, directory: directory)
    }
}
