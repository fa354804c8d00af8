import BackupConfig
import BackupModel
import BackupPipeline
import BackupSystem
import Glibc

/// Directories, backed up with GNU tar: full backups, and increments by tar's index (`--listed-incremental`).
struct TarUnit: BackupUnit {
    let name: String
    let sources: [SourceURL]
    private let settings: [SourceURL: TarSourceSettings]
    private let context: UnitContext
    private let files: UnitDirectory

    init(_ name: String, _ sources: [TarSourceSettings], _ context: UnitContext) throws(BackupError) {
        self.name = name
        self.context = context
        files = UnitDirectory(name, context)
        var owners: [TarIndexName: SourceURL] = [:]
        for source in sources.map(\.source).sorted() {
            let index = TarIndexName(source)
            guard !index.isTooLong else {
                let limit = TarIndexName.longestName - TarIndexName.longestSuffix - ".index".utf8.count
                throw .indexNameTooLong(name, source, limit: limit)
            }
            if let other = owners.updateValue(source, forKey: index) {
                throw .indexCollision(name, other, source, index.base)
            }
        }
        for source in sources {
            for (key, command) in [
                ("full_command", source.fullCommand), ("inc_command", source.incCommand),
                ("pre_command", source.preCommand), ("post_command", source.postCommand),
            ] where command?.isEmpty == true {
                throw .noCommand(source.source, key)
            }
        }
        settings = Dictionary(sources.map { ($0.source, $0) }, uniquingKeysWith: { first, _ in first })
        self.sources = settings.keys.sorted()
    }

    // MARK: - When

    func schedule(now: Timestamp) throws(BackupError) -> [ScheduledRun] {
        let directory = try files.openIfPresent()
        let state = try files.state()
        var runs: [ScheduledRun] = []
        for source in settings.values.sorted(by: { $0.source < $1.source }) {
            let decision = RunDecision.make(
                full: source.fullTiming, increments: source.incTiming, state[source.source], now: now,
                increment: try obstacle(source, state, directory, now))
            runs.append(
                ScheduledRun(
                    unit: name, source: source.source, type: decision.type, due: decision.due, reason: decision.reason))
        }
        return runs
    }

    /// Why no increment can be made of `source`; `nil` when one can.
    private func obstacle(
        _ source: TarSourceSettings, _ state: UnitState, _ directory: Directory?, _ now: Timestamp
    ) throws(BackupError) -> String? {
        guard let directory, let last = state[source.source] else { return "it has never run before" }
        if let note = state.fallback { return note }
        if now < last.last {
            return "the clock was set back, its last run was at \(last.last): tar would miss what changed meanwhile"
        }
        if try TarShape(source).differs(from: directory) {
            return "root, include, exclude or another setting that decides what is stored was changed"
        }
        // A command of the administrator's own may have other ways to tell what has changed.
        if source.incCommand != nil { return nil }
        let isUsable = try TarIndices(directory: directory, compress: nil, afterStep: { _ in }).isUsable(source.source)
        return isUsable ? nil : "there is no index of its last run"
    }

    // MARK: - After a crash

    func recover(
        isStored: (SourceURL, ElementUUID) throws(BackupError) -> Bool
    ) throws(BackupError) -> [String] {
        guard let directory = try files.openIfPresent() else { return [] }
        let indices = indices(directory)
        var notes = try files.recover(directory, isStored: isStored) { source, before throws(BackupError) in
            let keep = settings[source]?.keepIndices ?? 0
            try indices.advance(source, previous: before[source]?.last, keep: keep)
        }
        for name in try indices.removeLeftovers() {
            notes.append(
                "\((files.path + "/" + name).escapedForMessage) was left by a run that did not end: it was removed")
        }
        return notes + (try files.repair(directory) { () throws(BackupError) in try indices.removeAll() })
    }

    private func indices(_ directory: Directory) -> TarIndices {
        TarIndices(directory: directory, compress: context.compressIndex, afterStep: files.afterStep)
    }

    // MARK: - What

    func prepare(_ source: SourceURL, type: BackupType?, now: Timestamp) throws(BackupError) -> any UnitRun {
        guard let settings = settings[source] else { throw .unknownSource(name, source, known: sources) }
        try TarChecks.check(settings, context)
        let directory = try files.open()
        if try files.hasUnfinishedRun(directory) { throw .unfinishedRun(name) }
        let state = try files.state(directory)
        let obstacle = try obstacle(settings, state, directory, now)
        var (actual, reason) = RunDecision.choose(type, increment: obstacle) {
            RunDecision.make(
                full: settings.fullTiming, increments: settings.incTiming, state[source], now: now, increment: obstacle)
        }
        let indices = indices(directory)
        if actual == .inc {
            do throws(BackupError) { try prepareIncrement(settings, indices) } catch {
                guard error.code == .damaged else { throw error }
                (actual, reason) = (.full, "full in place of an increment: \(error.message)")
            }
        }
        if actual == .full { try indices.prepareFull(source) }
        return TarRun(
            unit: name, type: actual, reason: reason, timestamp: now, before: state[source], settings: settings,
            index: indices.pathOfNext(source), context: context, files: files, directory: directory, indices: indices)
    }

    private func prepareIncrement(_ settings: TarSourceSettings, _ indices: TarIndices) throws(BackupError) {
        if settings.incCommand == nil {
            try indices.prepareIncrement(settings.source, isVerbatim: false)
        } else if try indices.isUsable(settings.source) {
            try indices.prepareIncrement(settings.source, isVerbatim: true)
        } else {
            try indices.prepareFull(settings.source)
        }
    }
}
