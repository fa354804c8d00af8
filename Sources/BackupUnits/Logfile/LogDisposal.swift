import BackupConfig
import BackupModel
import BackupSystem

/// Deletes or cuts a file whose element is durable, if it is certain that nothing is lost with it. What is not done now is
/// tried again at the end of each round, as long as the file is as it was.
///
/// A file is cut under a lease: nobody else has it open, and who wants to open it waits until it is cut. So a line is
/// either in the element or, written later, in the file. For a file that is deleted the kernel has no such thing: a program
/// that opens it between the last look and the deletion, a few microseconds, writes into a file without a name.
struct LogDisposal {
    private let file: LogFile
    private let openFiles: (Set<FileIdentity>) -> OpenFiles
    private let afterStep: (String) -> Void
    private let onEnd: (End) -> Void

    /// What was done.
    enum End {
        /// With the directory just before that and just after it.
        case deleted(before: LogStamp, after: LogStamp)
        case cut
    }

    /// - Parameter onEnd: is told of what was done, and not of what could not be done.
    init(
        _ file: LogFile, openFiles: @escaping (Set<FileIdentity>) -> OpenFiles,
        afterStep: @escaping (String) -> Void, onEnd: @escaping (End) -> Void
    ) {
        self.file = file
        self.openFiles = openFiles
        self.afterStep = afterStep
        self.onEnd = onEnd
    }

    /// - Returns: why the file stays, as a sentence; empty when it was done, or the file is gone.
    func dispose() -> [String] {
        do throws(BackupError) {
            let directory = try Directory(path: file.input.directory.isEmpty ? "/" : file.input.directory)
            switch file.input.afterStore {
            case .keep: break
            case .delete: try delete(directory)
            case .truncate: try cut(directory)
            }
            return []
        } catch {
            return [
                "\(file.path.escapedForMessage) is stored, but was not "
                    + "\(file.input.afterStore == .delete ? "deleted" : "cut"): \(error)"
            ]
        }
    }

    private func delete(_ directory: Directory) throws(BackupError) {
        let open = openFiles([file.identity])
        if let writer = open.writers[file.identity] { throw .fileOpen(writer) }
        if let reason = open.blindSpot, file.input.whenUnknown == .wait { throw .unknownWriters(reason) }
        afterStep("looked for writers")
        // Gone already: somebody has done our work.
        guard let status = try directory.status(file.name) else { return }
        guard LogFileState(status) == file.state, status.identity == file.identity else { throw .fileNotTheSame() }
        let before = try LogStamp(directory)
        try directory.removeFile(file.name)
        if let after = try? LogStamp(directory) { onEnd(.deleted(before: before, after: after)) }
        afterStep("deleted")
    }

    private func cut(_ directory: Directory) throws(BackupError) {
        guard file.linkCount == 1 else { throw .severalNames() }
        let opened: OwnedDescriptor
        do throws(BackupError) { opened = try directory.openFileForWriting(file.name) } catch {
            if error.code == .notFound { return }
            throw error
        }
        defer { opened.close() }
        try opened.withWriteLease { () throws(BackupError) in
            let status = try opened.status()
            guard LogFileState(status) == file.state, status.identity == file.identity else { throw .fileNotTheSame() }
            guard status.linkCount == 1 else { throw .severalNames() }
            try opened.truncate(to: 0)
        }
        onEnd(.cut)
        afterStep("cut")
    }
}
