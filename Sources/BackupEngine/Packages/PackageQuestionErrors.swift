import BackupModel

/// The wording of refusals around questions about packages.
extension BackupError {
    static func noManagerFound(_ root: String, known: [String]) -> BackupError {
        BackupError(
            .notFound, "no database of a package manager is below \(root.escapedForMessage)",
            remedy: "looked for those of \(known.joined(separator: ", ")); `--root` names another directory, "
                + "`--manager` with `--log` reads a log alone")
    }

    static func noLog(_ path: String) -> BackupError {
        BackupError(
            .notFound, "there is no log \(path.escapedForMessage)",
            remedy: "`--log` names another place; `gb packages snapshot` needs no log")
    }

    static func noDatabase() -> BackupError {
        BackupError(
            .notFound, "there is no database to say what is installed",
            remedy: "`--root` names the root directory of the system")
    }

    static func noRecord(_ pattern: String, isInstalled: Bool) -> BackupError {
        BackupError(
            .notFound,
            "the log never speaks of a package that matches \(pattern.escapedForMessage)"
                + (isInstalled ? "; it is installed, and was so before the log begins" : ""),
            remedy: "`gb packages snapshot` shows what is installed")
    }

    static func neverInstalled(_ pattern: String) -> BackupError {
        BackupError(
            .notFound, "no package that matches \(pattern.escapedForMessage) was ever installed, as far as is known",
            remedy: "`gb packages snapshot` and `gb packages log` show what is known")
    }

    static func notInstalled(_ pattern: String, at time: Timestamp) -> BackupError {
        BackupError(
            .notFound, "no package that matches \(pattern.escapedForMessage) was installed at \(time)",
            remedy: "`gb packages which` tells when it was")
    }
}
