import BackupModel

/// The wording of what is refused about the logs of package managers.
extension BackupError {
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

    private static let otherLogs =
        "move it away to go on without it; `gb packages log --log FILE` for each of the others, oldest first, shows what is left"
}
