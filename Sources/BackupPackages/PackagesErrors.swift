package import BackupModel

/// The wording of every refusal of this module.
extension BackupError {
    static func packageLine(_ reason: String) -> BackupError {
        BackupError(.damaged, "not a line of a package state: \(reason)")
    }

    static func parserState(_ manager: String, _ reason: String) -> BackupError {
        BackupError(
            .damaged, "the state of the reader of the \(manager) log cannot be used: \(reason)",
            remedy: "without it the log is read from its beginning")
    }

    static func packagePattern(_ text: String, _ reason: String) -> BackupError {
        BackupError(
            .invalidValue, "\"\(text.escapedForMessage)\" is not a pattern for packages: \(reason)",
            remedy: "write for example openssl, 'dev-libs/openssl-3.1*', libssl3:amd64 or 'libssl3=3.0.*'")
    }

    /// A manager that nobody knows here.
    package static func packageManager(_ name: String, known: [String]) -> BackupError {
        BackupError(
            .notFound, "there is no reader for the package manager \"\(name.escapedForMessage)\"",
            remedy: "the known ones are " + known.joined(separator: ", "))
    }

    /// No database of any manager lies beneath the root.
    package static func noPackageManager(_ root: String, known: [String]) -> BackupError {
        BackupError(
            .notFound, "no database of a package manager is below \(root.escapedForMessage)",
            remedy: "looked for " + known.joined(separator: ", ") + "; name the manager and the root in the unit")
    }

    static func packageDatabase(_ path: String, _ reason: String) -> BackupError {
        BackupError(.damaged, "the package database \(path.escapedForMessage) cannot be read: \(reason)")
    }

    static func tooManyPackages(_ limit: Int) -> BackupError {
        BackupError(.damaged, "it tells of more than \(limit) packages, which no machine has")
    }

    static func tooManyContradictions() -> BackupError {
        BackupError(.damaged, "its snapshots have too little in common with the changes between them")
    }

    static func linksWithoutEnd(_ path: String) -> BackupError {
        BackupError(
            .untrusted, "symbolic links on the way to \(path.escapedForMessage) lead in circles",
            remedy: "put the real thing in place")
    }
}
