import BackupModel
import BackupPackages

/// The wording of refusals around packages that a storage tells of.
extension BackupError {
    static func noPackageStates() -> BackupError {
        BackupError(
            .notFound, "no package state is in this storage",
            remedy: "the unit packages makes some; without `--from-storage` this machine answers from its own log")
    }

    static func noPackageStatesForRestore() -> BackupError {
        BackupError(
            .notFound, "no package state is in this storage to tell when the package changed",
            remedy: "`--packages-from local` asks the log of this machine")
    }

    /// - Parameter others: what there is.
    static func noPackageState(_ source: SourceURL, others: [String]) -> BackupError {
        BackupError(
            .notFound, "the source \(source) is no package state of this storage",
            remedy: others.isEmpty ? "there is none in this storage" : "there are " + list(others))
    }

    static func noStateOfMachine(_ machine: String, _ states: [String]) -> BackupError {
        BackupError(
            .notFound, "no package state of this storage is of the machine \(machine)",
            remedy: "there are " + list(states))
    }

    /// - Parameter options: which of them choose.
    static func severalPackageStates(_ states: [String], options: String) -> BackupError {
        BackupError(
            .usage, "several package states are in this storage: " + list(states), remedy: "choose one by \(options)")
    }

    static func stateOfOther(_ state: String, _ source: SourceURL, _ machine: String) -> BackupError {
        BackupError(
            .usage,
            "the only package state of this storage is of another machine than \(source) (\(machine.escapedForMessage)): \(state)",
            remedy: "name it by `--packages-from` if it is meant all the same")
    }

    private static func list(_ texts: [String]) -> String {
        texts.prefix(10).joined(separator: ", ") + (texts.count > 10 ? " and \(texts.count - 10) more" : "")
    }

    // MARK: - Elements

    static func stateUnreadable(_ id: ElementID, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code, "the package state in \(id) cannot be read",
            remedy: cause.code == .damaged
                ? "fetch another copy of that element; `--skip-damaged` answers without it" : cause.firstRemedy,
            cause: cause)
    }

    static func noStateInside(_ id: ElementID) -> BackupError {
        BackupError(.damaged, "by its metadata \(id) holds no package state")
    }

    static func noFullState(_ source: SourceURL) -> BackupError {
        BackupError(
            .damaged,
            "no element of \(source) that can be used tells what was installed, and so there is nothing to begin with",
            remedy: "fetch a full from another holder")
    }

    static func noEarlierSnapshots() -> BackupError {
        BackupError(
            .usage, "there are no earlier snapshots to compare with",
            remedy: "`--from-storage` compares those in a storage")
    }

    // MARK: - Moments before a change

    /// - Parameter near: what may have been meant.
    static func noChange(_ pattern: String, isInstalled: Bool, near: [String]) -> BackupError {
        BackupError(
            .notFound,
            "no installation and no removal of a package that matches \(pattern.escapedForMessage) is known"
                + (isInstalled ? "; it is installed, and was so before the log begins" : ""),
            remedy: near.isEmpty
                ? "`gb packages log` shows what is known"
                : "known is \(near.map(\.escapedForMessage).joined(separator: ", "))")
    }

    static func tooFewChanges(_ pattern: String, _ count: Int, _ occurrence: Int) -> BackupError {
        BackupError(
            .notFound,
            "packages that match \(pattern.escapedForMessage) have not changed \(occurrence) times, as far as is known "
                + "(changes in all: \(count))",
            remedy: "give a smaller `--occurrence`")
    }

    static func onlyLaterChanges(_ pattern: String, _ count: Int) -> BackupError {
        BackupError(
            .notFound,
            "packages that match \(pattern.escapedForMessage) have changed after the time of `--at` only "
                + "(changes: \(count))",
            remedy: "give a later `--at`, or none")
    }

    static func onlyInferred(_ pattern: String, _ record: PackageRecord) -> BackupError {
        BackupError(
            .notFound,
            "a package that matches \(pattern.escapedForMessage) has changed, up to "
                + "\(record.finished?.description ?? "an unknown time"), and no line of the log tells when",
            remedy: "`gb packages log` shows what is known; give a time by `--at` alone")
    }

    static func changeWithoutTime(_ pattern: String) -> BackupError {
        BackupError(
            .notFound, "nobody knows when the package that matches \(pattern.escapedForMessage) changed",
            remedy: "give a time by `--at` alone")
    }
}
