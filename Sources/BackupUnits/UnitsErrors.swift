import BackupModel

/// The wording of every refusal of this module.
extension BackupError {
    static func unknownSource(_ unit: String, _ source: SourceURL, known: [SourceURL]) -> BackupError {
        BackupError(
            .notFound, "the unit \(unit) has no source \(source)",
            remedy: "its sources are " + known.map(\.description).joined(separator: ", "))
    }

    // MARK: - State

    static func stateUnusable(_ path: String, _ reason: String) -> BackupError {
        BackupError(.damaged, "\(path.escapedForMessage) is not the state of a unit of this kind: \(reason)")
    }

    static func stateLost(_ unit: String, _ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .damaged, "the state of the unit \(unit) cannot be read, nor can an older one",
            remedy:
                "put \(path.escapedForMessage)/state.current back from a backup, or move state.current, state.old and "
                + "state.previous there away: the next run of each source is then a full backup that begins a new chain",
            cause: cause)
    }

    static func unfinishedRun(_ unit: String) -> BackupError {
        BackupError(
            .busy, "the last run of the unit \(unit) is not settled: its state.next is still there",
            remedy: "another run of the unit may be under way; if none is, the next start of the generator settles it")
    }

    static func noNextState(_ path: String) -> BackupError {
        BackupError(
            .failed, "\(path.escapedForMessage)/state.next has vanished while a run was under way",
            remedy: "find out who changes files there; the element is stored, the next run will be a full backup")
    }

    static func relativePath(_ key: String, _ path: String) -> BackupError {
        BackupError(
            .configuration, "\(key) is \"\(path.escapedForMessage)\", which is not an absolute path",
            remedy: "begin it with '/'")
    }

    // MARK: - tar

    static func indexCollision(_ unit: String, _ first: SourceURL, _ second: SourceURL, _ index: String) -> BackupError
    {
        BackupError(
            .configuration,
            "the sources \(first) and \(second) of the unit \(unit) would share the tar index \(index.escapedForMessage)",
            remedy: "give one of them another name, or put it into a unit of its own")
    }

    static func indexNameTooLong(_ unit: String, _ source: SourceURL, limit: Int) -> BackupError {
        BackupError(
            .configuration,
            "the source \(source) of the unit \(unit) has a name of more than \(limit) characters: its tar index could "
                + "not be named after it", remedy: "give it a shorter name")
    }

    static func tarIndex(_ reason: String) -> BackupError {
        BackupError(.damaged, "the index of the last run is not a tar index: \(reason)")
    }

    static func missingIndex(_ path: String) -> BackupError {
        BackupError(
            .failed, "tar has left no index at \(path.escapedForMessage), so no increment could follow",
            remedy: "find out who removes files there, and run it again")
    }

    static func root(_ source: SourceURL, _ root: String, _ reason: String, _ code: Code = .configuration)
        -> BackupError
    {
        BackupError(
            code, "sources.\(source).root is \"\(root.escapedForMessage)\", but \(reason)",
            remedy: "correct the key root in the unit's configuration, or mount or make the directory")
    }

    static func rootInside(_ source: SourceURL, _ root: String, _ excluded: String) -> BackupError {
        BackupError(
            .configuration,
            "sources.\(source).root is \"\(root.escapedForMessage)\", which lies in \(excluded.escapedForMessage), where "
                + "this program keeps its own files",
            remedy: "a backup does not hold itself; choose another root")
    }

    static func include(_ source: SourceURL, _ path: String, _ reason: String, _ code: Code = .configuration)
        -> BackupError
    {
        BackupError(
            code, "sources.\(source).include has \"\(path.escapedForMessage)\", but \(reason)",
            remedy: "write paths relative to root, of things that are always there")
    }

    // MARK: - Programs

    static func noCommand(_ source: SourceURL, _ key: String) -> BackupError {
        BackupError(
            .configuration, "sources.\(source).\(key) is empty", remedy: "write the program and its arguments as a list"
        )
    }

    static func programMissing(_ source: SourceURL, _ key: String, _ program: String, searched: String?) -> BackupError
    {
        let place = searched.map { " in \($0.escapedForMessage)" } ?? ""
        return BackupError(
            .programMissing,
            "the program \"\(program.escapedForMessage)\" of sources.\(source).\(key) is not found\(place), or may not be "
                + "executed", remedy: "install it, or give its full path")
    }

    static func workingDirectory(_ source: SourceURL, _ path: String) -> BackupError {
        BackupError(
            .notFound, "sources.\(source).working_directory is \"\(path.escapedForMessage)\", which is not a directory",
            remedy: "make it, or correct the key")
    }
}
