import BackupModel

/// The wording of refusals around questions about packages.
extension BackupError {
    static func noManagerFound(_ root: String, known: [String]) -> BackupError {
        BackupError(
            .notFound, "no database of a package manager is below \(root.escapedForMessage)",
            remedy: "looked for those of \(known.joined(separator: ", ")); `--root` names another directory, "
                + "`--manager` with `--log` reads a log alone")
    }

    static func logIsNoFile(_ path: String, _ kind: String) -> BackupError {
        BackupError(
            .invalidValue, "the log \(path.escapedForMessage) is \(kind), and only a plain file can be read",
            remedy: "write what comes from there into a file first")
    }

    /// - Parameter group: whose members may read it.
    static func logForbidden(_ cause: BackupError, group: String?) -> BackupError {
        guard let group, group != "root" else {
            return BackupError(.permission, cause.message, remedy: "run as root, or let your group read it")
        }
        let name = group.escapedForMessage
        return BackupError(
            .permission, cause.message,
            remedy: "run as root, or become a member of the group \(name): `usermod -a -G \(name) USER`")
    }

    static func logDamaged(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code, "the log \(path.escapedForMessage) cannot be decompressed", remedy: Self.otherLogs, cause: cause
        )
    }

    /// - Parameter complaint: what the program said.
    static func logNotDecompressed(_ path: String, _ program: String, _ complaint: String) -> BackupError {
        var line = complaint.split(separator: "\n").first { !$0.allSatisfy(\.isWhitespace) } ?? "it does not say why"
        while let last = line.last, ".;".contains(last) { line.removeLast() }
        return BackupError(
            .damaged, "\(path.escapedForMessage) cannot be decompressed: \(String(line).escapedForMessage)",
            remedy: Self.otherLogs)
    }

    private static let otherLogs = "`--log` for each of the others, oldest first, reads what is left"

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
