import BackupModel
import BackupSystem

/// The directory of a unit, `<state>/generators/<unit>`, with its state:
///
/// - `state.current`: what holds now; `state.old`: what held before the last run.
/// - `state.next`: what will hold once the element that is just being stored is durable. After a crash the storage
///   decides: if it has the element, the step forward is completed, else it is taken back.
///
/// `state.current` is there at every moment, from the first run on.
struct UnitDirectory: Sendable {
    let unit: String
    let path: String
    let form: StateForm
    let afterStep: @Sendable (String) -> Void

    init(_ unit: String, _ context: UnitContext, form: StateForm = .runs) {
        self.unit = unit
        self.form = form
        path = context.stateDirectory + "/generators/" + unit
        afterStep = context.afterStep ?? { _ in }
    }

    /// The directory, made if it is missing.
    func open() throws(BackupError) -> Directory {
        guard path.hasPrefix("/") else { throw .relativePath("general.state_directory", path) }
        return try Directory(path: path, create: true)
    }

    /// The directory; `nil` if the unit has never run.
    func openIfPresent() throws(BackupError) -> Directory? {
        guard path.hasPrefix("/") else { throw .relativePath("general.state_directory", path) }
        do throws(BackupError) { return try Directory(path: path) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    // MARK: - Reading

    /// What the unit remembers: `state.current`, or the newest older state that can be read, with a note.
    func state() throws(BackupError) -> UnitState {
        guard let directory = try openIfPresent() else { return UnitState(form: form) }
        return try state(directory)
    }

    func state(_ directory: Directory) throws(BackupError) -> UnitState {
        let reason: BackupError
        do throws(BackupError) {
            if let state = try read("state.current", directory) { return state }
            reason = .stateUnusable(path + "/state.current", "it is missing")
        } catch {
            // What cannot be read for lack of permission may well be good: nothing older takes its place.
            guard error.code == .damaged else { throw error }
            reason = error
        }
        var found = false
        for name in ["state.previous", "state.old"] {
            do throws(BackupError) {
                guard var state = try read(name, directory) else { continue }
                state.fallback = "\(reason.message); \(name) was used instead"
                return state
            } catch {
                guard error.code == .damaged else { throw error }
                found = true
            }
        }
        // A unit that has never run has none of them.
        let isMissing = try directory.status("state.current") == nil
        if isMissing, !found { return UnitState(form: form) }
        throw .stateLost(unit, path, reason)
    }

    private func read(_ name: String, _ directory: Directory) throws(BackupError) -> UnitState? {
        guard let bytes = try directory.readFileIfPresent(name, limit: UnitState.maximumSize) else { return nil }
        do throws(BackupError) { return try UnitState(parsing: bytes, path: path + "/" + name, form: form) } catch {
            throw BackupError(.damaged, "\((path + "/" + name).escapedForMessage) is damaged", cause: error)
        }
    }

    func hasUnfinishedRun(_ directory: Directory) throws(BackupError) -> Bool {
        try directory.status("state.next") != nil
    }

    // MARK: - Going forward

    /// Notes durably what will hold when the element `entry.uuid` of `source` is durable.
    func announce(_ source: SourceURL, _ entry: SourceState, _ directory: Directory) throws(BackupError) {
        var state = try state(directory)
        state[source] = entry
        try announce(state, directory)
    }

    /// Notes durably that `next` will hold when the element that is just being stored is durable.
    func announce(_ next: UnitState, _ directory: Directory) throws(BackupError) {
        try directory.replaceFile("state.next", with: next.text)
        afterStep("state.next")
    }

    /// Puts `state` in force where no element is being stored.
    func replace(_ state: UnitState, _ directory: Directory) throws(BackupError) {
        try directory.replaceFile("state.current", with: state.text)
        afterStep("state.current replaced")
    }

    /// Makes `state.next` the current state. May be done again after a crash at any point of it.
    func advance(_ directory: Directory) throws(BackupError) {
        guard try hasUnfinishedRun(directory) else { throw .noNextState(path) }
        // A damaged state is not worth keeping in place of a good older one.
        if let current = try? read("state.current", directory) {
            // A second name costs no write; where there is none to be had, the contents do.
            do throws(BackupError) { try directory.addName("state.old", to: "state.current") } catch {
                try directory.replaceFile("state.old", with: current.text)
            }
            afterStep("state.old")
        }
        try directory.rename("state.next", to: "state.current")
        afterStep("state.current")
        try directory.sync()
        afterStep("synced")
    }

    /// Forgets `state.next`.
    func takeBack(_ directory: Directory) throws(BackupError) {
        try directory.removeFile("state.next")
        try directory.sync()
        afterStep("state.next removed")
    }

    // MARK: - After a crash

    /// Settles `state.next`, if there is one.
    ///
    /// - Parameters:
    ///   - forward: completes the other files of a source whose element is stored; is given what held before. May be
    ///     called for a source for which it was done already.
    func recover(
        _ directory: Directory, isStored: (SourceURL, ElementUUID) throws(BackupError) -> Bool,
        forward: (SourceURL, UnitState) throws(BackupError) -> Void
    ) throws(BackupError) -> [String] {
        var notes: [String] = []
        for name in ["state.next.tmp", "state.old.tmp"] { try directory.removeFile(name) }
        let next: UnitState?
        do throws(BackupError) { next = try read("state.next", directory) } catch {
            guard error.code == .damaged else { throw error }
            try takeBack(directory)
            return ["\(error.description); it was removed, the run that wrote it does not count"]
        }
        guard var next else { return [] }
        let current = try state(directory)
        var isWhole = true
        for source in next.changes(since: current) {
            guard let uuid = next.uuid(of: source) else { continue }
            if try isStored(source, uuid) {
                try forward(source, current)
                notes.append(
                    "the element \(uuid) of \(source) was stored when the program ended: its run was completed")
            } else {
                next.takeEntry(source, from: current)
                isWhole = false
                notes.append("a run of \(source) had not stored its element when the program ended: it was taken back")
            }
        }
        if next.object == current.object {
            try takeBack(directory)
        } else {
            if !isWhole { try directory.replaceFile("state.next", with: next.text) }
            try advance(directory)
        }
        return notes
    }

    /// Puts an older state in place of a `state.current` that is damaged or missing. Nobody knows which source it is
    /// behind with, so no tar index fits it any more: `dropIndices` removes them, and each source's next run is full.
    ///
    /// - Parameter forgetsMemories: whether what a program wanted to have back goes as well.
    /// - Returns: what was found and done, as sentences; also about files that an earlier version left.
    func repair(
        _ directory: Directory, forgetsMemories: Bool = false, dropIndices: () throws(BackupError) -> Void
    ) throws(BackupError) -> [String] {
        var state = try state(directory)
        if let note = state.fallback {
            try dropIndices()
            if forgetsMemories { state.forgetMemories() }
            if try directory.status("state.current") != nil {
                try directory.rename("state.current", to: "state.damaged")
                afterStep("state.damaged")
            }
            try directory.replaceFile("state.current", with: state.text)
            afterStep("state.current repaired")
            return [note + (form == .runs ? "; the next run of each source is a full backup" : "")]
        }
        guard try directory.status("state.previous") != nil, try directory.status("state.current") != nil else {
            return []
        }
        return [
            "\((path + "/state.previous").escapedForMessage) was left by an earlier version that was interrupted; "
                + "state.current is in use, so it can be removed"
        ]
    }
}
