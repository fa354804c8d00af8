import BackupConfig
import BackupModel
import BackupPackages
import BackupSystem

/// The packages of a system: the log of their manager as it is, and records of what is installed and what has changed.
///
/// Each product is a source with a chain and a ``PackagesMemory`` of its own: neither waits for the other.
struct PackagesUnit: BackupUnit {
    let name: String
    let sources: [SourceURL]
    private let settings: PackagesSettings
    private let context: UnitContext
    private let files: UnitDirectory

    init(_ name: String, _ settings: PackagesSettings, _ context: UnitContext) throws(BackupError) {
        if let manager = settings.manager {
            do throws(BackupError) { _ = try PackageManagers.reader(manager) } catch {
                throw .packagesSetting("manager", error)
            }
        }
        self.name = name
        self.settings = settings
        self.context = context
        files = UnitDirectory(name, context)
        sources = settings.sources
    }

    static func memoryName(_ product: String) -> String { product + ".position" }

    private func product(_ source: SourceURL) -> String {
        source == settings.logSource ? PackageLogProduct.name : PackageStateProduct.name
    }

    // MARK: - When

    func schedule(now: Timestamp) throws(BackupError) -> [ScheduledRun] {
        let directory = try files.openIfPresent()
        let state = try files.state()
        return try sources.map { source throws(BackupError) in
            let decision = decision(source, state, now, increment: try obstacle(source, state, directory))
            return ScheduledRun(
                unit: name, source: source, type: decision.type, due: decision.due, reason: decision.reason)
        }
    }

    /// With what keeps it from being run: whoever looks before the first run learns of it.
    func outlook(now: Timestamp) throws(BackupError) -> UnitOutlook {
        var outlook = UnitOutlook(runs: try schedule(now: now))
        do throws(BackupError) {
            let place = try PackagesPlace(settings, former: former(try files.openIfPresent()))
            if try place.parts().files.isEmpty { throw .noPackageLog(place.logPath, place.reader.manager) }
        } catch {
            outlook.problems.append(error)
        }
        return outlook
    }

    /// The manager that was followed until now, as either product remembers it; `nil` for none.
    private func former(_ directory: Directory?) -> String? {
        guard let directory else { return nil }
        for product in [PackageLogProduct.name, PackageStateProduct.name] {
            // What is damaged is said when its product is made.
            if let memory = try? PackagesMemory(Self.memoryName(product), in: directory) { return memory.manager }
        }
        return nil
    }

    private func decision(
        _ source: SourceURL, _ state: UnitState, _ now: Timestamp, increment obstacle: String?
    ) -> RunDecision {
        RunDecision.make(
            full: settings.fullTiming, increments: settings.incTiming, state[source], now: now, increment: obstacle)
    }

    /// Why no increment can be made of `source`, as far as that is seen without looking into the log; `nil` when one can.
    private func obstacle(
        _ source: SourceURL, _ state: UnitState, _ directory: Directory?
    ) throws(BackupError) -> String? {
        guard let directory, state[source] != nil else { return "it has never run before" }
        if let note = state.fallback { return note }
        guard try directory.status(Self.memoryName(product(source))) != nil else {
            return "the note of how far the log was taken is missing"
        }
        return nil
    }

    // MARK: - After a crash

    func recover(
        isStored: (SourceURL, ElementUUID) throws(BackupError) -> Bool
    ) throws(BackupError) -> [String] {
        guard let directory = try files.openIfPresent() else { return [] }
        let notes = try files.recover(directory, isStored: isStored) { source, _ throws(BackupError) in
            try Self.advanceMemory(product(source), directory, files.afterStep)
        }
        // Of a run that was taken back, or had not come to the state.
        for product in [PackageLogProduct.name, PackageStateProduct.name] {
            try directory.removeFile(Self.memoryName(product) + ".next")
            try directory.removeFile(Self.memoryName(product) + ".next.tmp")
        }
        return notes
            + (try files.repair(directory) { () throws(BackupError) in
                // What they speak of is not the element that the older state knows.
                for product in [PackageLogProduct.name, PackageStateProduct.name] {
                    try directory.removeFile(Self.memoryName(product))
                }
            })
    }

    /// May be done again after a crash at any point of it.
    static func advanceMemory(
        _ product: String, _ directory: Directory, _ afterStep: (String) -> Void
    ) throws(BackupError) {
        let name = memoryName(product)
        guard try directory.status(name + ".next") != nil else { return }
        try directory.rename(name + ".next", to: name)
        afterStep(name)
        try directory.sync()
    }

    // MARK: - What

    func prepare(_ source: SourceURL, type: BackupType?, now: Timestamp) throws(BackupError) -> any UnitRun {
        guard sources.contains(source) else { throw .unknownSource(name, source, known: sources) }
        let directory = try files.open()
        if try files.hasUnfinishedRun(directory) { throw .unfinishedRun(name) }
        let state = try files.state(directory)
        var obstacle = try obstacle(source, state, directory)
        var memory: PackagesMemory?
        do throws(BackupError) {
            // Of a run before the first one of the state there is nothing to go on from.
            if state[source] != nil { memory = try PackagesMemory(Self.memoryName(product(source)), in: directory) }
        } catch {
            guard error.code == .damaged else { throw error }
            obstacle = obstacle ?? error.message
        }
        let place = try PackagesPlace(settings, former: memory?.manager ?? former(directory))
        if let memory, memory.manager != place.reader.manager || memory.root != place.rootPath {
            throw .otherSystem(source, (memory.manager, memory.root), (place.reader.manager, place.rootPath))
        }
        if let parser = memory?.parser {
            do throws(BackupError) { _ = try place.reader.reading(machine: Self.noMachine, resuming: parser) } catch {
                // As after an update that keeps it in another form.
                guard error.code == .damaged else { throw error }
                memory = nil
                obstacle = obstacle ?? error.message
            }
        }
        let parts = try place.parts()
        var plan = try LogPlan(parts.files, after: memory?.bookmark, now: now, openFiles: context.openFiles)
        if obstacle == nil, plan.continuity == .replaced {
            obstacle = "\(place.logPath.escapedForMessage) is not what it was when it was read last"
        }
        let (actual, reason) = RunDecision.choose(type, increment: obstacle) {
            decision(source, state, now, increment: obstacle)
        }
        if source == settings.logSource {
            if parts.files.isEmpty { throw .noPackageLog(place.logPath, place.reader.manager) }
            let notes =
                parts.oddities
                + PackagesNote.continuity(plan.continuity, place.logPath, isFull: actual == .full)
            if actual == .full {
                memory = nil
                plan = try LogPlan(parts.files, after: nil, now: now, openFiles: context.openFiles)
            }
            let product = PackageLogProduct(place: place, plan: plan, bookmark: memory?.bookmark, notes: notes)
            return run(source, actual, reason, now, place, state[source], product, directory)
        }
        let product = PackageStateProduct(
            place: place, before: memory, lastTime: state[source]?.last, type: actual,
            machine: try context.machine() ?? Self.noMachine, now: now,
            openFiles: context.openFiles, mayBeEmpty: type == .full)
        return run(source, actual, reason, now, place, state[source], product, directory)
    }

    /// What records have in place of a UUID where no machine was registered.
    private static let noMachine = "00000000-0000-0000-0000-000000000000"

    private func run(
        _ source: SourceURL, _ type: BackupType, _ reason: String, _ now: Timestamp, _ place: PackagesPlace,
        _ before: SourceState?, _ product: some PackagesProduct, _ directory: Directory
    ) -> any UnitRun {
        PackagesRun(
            unit: name, source: source, type: type, reason: reason, timestamp: now, settings: settings,
            manager: place.reader.manager, before: before, product: product, files: files, directory: directory)
    }
}
