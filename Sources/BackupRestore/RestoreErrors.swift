import BackupModel

/// The wording of every refusal of this module.
extension BackupError {
    static func noSource(_ source: SourceURL) -> BackupError {
        BackupError(
            .notFound, "there is no source \(source) in this storage", remedy: "`gb restore list` shows the sources")
    }

    static func beforeFirst(_ source: SourceURL, _ time: Timestamp, first: Timestamp) -> BackupError {
        BackupError(
            .notFound, "nothing of \(source) is as old as \(time): its first restore point is \(first)",
            remedy: "give a later --at, or none for the newest state")
    }

    static func otherSource(_ id: ElementID, _ source: SourceURL) -> BackupError {
        BackupError(
            .notFound, "the element \(id) is one of the source \(id.source), not of \(source)",
            remedy: "give the source \(id.source), or an element that `gb restore list \(source)` shows")
    }

    static func noPoint(_ id: ElementID, _ source: SourceURL) -> BackupError {
        BackupError(
            .notFound, "there is no element \(id) in this storage",
            remedy: "`gb restore list \(source)` shows what \(source) can be brought back to")
    }

    static func noFull(_ source: SourceURL, _ id: ElementID, lastGood: Timestamp?) -> BackupError {
        BackupError(
            .damaged,
            "the chain of \(source) has a gap: \(id) is an increment, and the element before it is not in this storage",
            remedy: "fetch the missing element from another holder" + orEarlier(lastGood))
    }

    static func circle(_ source: SourceURL, _ id: ElementID, lastGood: Timestamp?) -> BackupError {
        BackupError(
            .damaged, "the chain of \(source) runs in a circle: following the predecessors of \(id) never meets a full",
            remedy: "fetch the elements from another holder" + orEarlier(lastGood))
    }

    private static func orEarlier(_ lastGood: Timestamp?) -> String {
        lastGood.map { ", or restore the state of \($0) with --at" } ?? ""
    }

    static func notEmpty(_ path: String) -> BackupError {
        BackupError(
            .exists, "the directory \(path.escapedForMessage) is not empty",
            remedy: "give an empty or new directory, or say --into-existing to write over what is there")
    }

    static func notDirectory(_ path: String) -> BackupError {
        BackupError(.usage, "\(path.escapedForMessage) is no directory", remedy: "give --to an empty or new directory")
    }

    static func rootTarget() -> BackupError {
        BackupError(
            .usage, "the target is the root of this machine's file system",
            remedy: "say --in-place if the running system is to be overwritten, or give another directory")
    }

    static func insideStorage(_ path: String, _ storage: String) -> BackupError {
        BackupError(
            .usage, "\(path.escapedForMessage) lies in the storage \(storage.escapedForMessage) that is restored from",
            remedy: "give a directory outside the storage")
    }

    /// - Parameter place: what it is, and its path.
    static func harms(_ place: String, _ id: ElementID, target: String, _ harm: String) -> BackupError {
        BackupError(
            .usage,
            "\(place.escapedForMessage) lies in \(target.escapedForMessage), and extracting \(id) there with --delete-unknown "
                + "\(harm.escapedForMessage); nothing was written",
            remedy: "extract into an empty directory and copy from there")
    }

    static func throughLink(_ name: MemberPath, _ link: MemberPath, _ target: String) -> BackupError {
        BackupError(
            .untrusted,
            "\(link.bytes.escapedForMessage) in \(target.escapedForMessage) is a symbolic link: "
                + "\(name.bytes.escapedForMessage) would be written to where it leads",
            remedy: "move that link away, or extract into an empty directory and copy from there")
    }

    /// Something went wrong, and nothing is in the target.
    ///
    /// - Parameter isCertain: whether nothing was written at all.
    static func restoreNotBegun(
        _ id: ElementID, target: String, isCertain: Bool, _ cause: BackupError
    ) -> BackupError {
        BackupError(
            cause.code,
            "the restore stopped at \(id)\(isCertain ? " before anything was written" : ""); \(target.escapedForMessage), which was made for it, is "
                + "removed again",
            remedy: cause.code == .damaged
                ? "fetch another copy of that element, or restore an earlier state with --at" : cause.remedy,
            cause: cause)
    }

    /// The kernel kept tar in the target.
    ///
    /// - Parameter complaint: what tar said of it.
    static func leadsOut(_ target: String, complaint: String) -> BackupError {
        BackupError(
            .untrusted,
            "the archive leads out of the target \(target.escapedForMessage), and tar was not let out of it "
                + "(\(complaint.escapedForMessage)): it may have been made to do harm",
            remedy: "do not use that element: take it from another holder, or restore an earlier state with --at")
    }

    static func wouldDelete(_ path: String, _ count: Int) -> BackupError {
        BackupError(
            .usage,
            "restoring \(count) increments into \(path.escapedForMessage) deletes what the backup does not know: GNU tar makes "
                + "every directory of the backup exactly as it was",
            remedy: "extract into an empty directory and copy from there, or say --delete-unknown as well")
    }

    static func recordedCommand(_ id: ElementID, _ command: [String]) -> BackupError {
        BackupError(
            .untrusted,
            "\(id) says that the command `\(command.joined(separator: " ").escapedForMessage)` undoes one of its stages; commands from "
                + "metadata are not run unless the configuration has them too",
            remedy:
                "set pipeline.compression to {command: …, restore: …} with this restore command, or run it by hand (gb restore plan --shell)"
        )
    }

    static func cannotUndo(_ id: ElementID, _ stage: String) -> BackupError {
        BackupError(
            .damaged, "\(id) went through the stage \"\(stage.escapedForMessage)\", and nothing is known to undo it",
            remedy: "look at its Pipeline with `gb storage show`, and undo it by hand")
    }

    /// The statement of what not to trust, after something went wrong in the middle of a restore.
    static func restoreStopped(_ id: ElementID, target: String, done: Int, total: Int, _ cause: BackupError)
        -> BackupError
    {
        let trust =
            done == 0
            ? "nothing that was written to \(target.escapedForMessage) can be trusted"
            : "what is in \(target.escapedForMessage) is a mixture of the state after element \(done) of \(total) and parts of "
                + "the next one: do not trust it"
        let remedy =
            switch cause.code {
            case .damaged:
                "empty the directory; fetch another copy of that element, or restore an earlier state with --at"
            case .untrusted: cause.remedy
            default:
                "empty the directory, remove the cause\(cause.remedy.isEmpty ? "" : " (\(cause.remedy))"), and restore again"
            }
        return BackupError(
            cause.code, "the restore stopped at \(id), and \(trust)",
            remedy: remedy, cause: cause)
    }

    static func noArchive(_ id: ElementID) -> BackupError {
        BackupError(
            .usage, "\(id) is no archive: there are no paths to choose in it", remedy: "leave out the paths")
    }

    static func linkOutside(_ name: MemberPath, _ target: MemberPath) -> BackupError {
        let target = target.bytes.escapedForMessage
        return BackupError(
            .failed,
            "\(name.bytes.escapedForMessage) is a hard link: its content stands in the "
                + "archive under the name \(target), which was not asked for",
            remedy: "ask for \(target) as well")
    }

    static func pathRenamed(_ path: [UInt8], _ id: ElementID) -> BackupError {
        BackupError(
            .failed,
            "a directory on the way to \(path.escapedForMessage) was renamed in \(id): single paths cannot be followed through that",
            remedy: "extract the whole source into an empty directory, and take the path from there")
    }

    static func emptyPath() -> BackupError {
        BackupError(
            .usage, "one of the paths is empty", remedy: "name what is wanted, or leave out all paths for everything")
    }

    static func incrementWithoutArchive(_ id: ElementID) -> BackupError {
        BackupError(
            .damaged, "\(id) is an increment, but by its metadata it holds no archive: its Pipeline cannot be right",
            remedy: "restore the .info file from another copy of the element")
    }

    static func unknownFormat(_ id: ElementID, _ format: String) -> BackupError {
        BackupError(
            .damaged, "\(id) was made by a program in the format \(format.escapedForMessage), which is not known here",
            remedy: "a newer version may know it; `gb restore cat \(id)` gives its bytes")
    }

    static func incrementOfProgram(_ id: ElementID) -> BackupError {
        BackupError(
            .usage,
            "\(id) is an increment of a program's own making: only that program knows how it is put together with the "
                + "elements before it",
            remedy: "`gb restore cat ELEMENT` gives the bytes of each, `gb restore plan` names them in order")
    }

    static func noPaths(_ paths: [[UInt8]], _ source: SourceURL) -> BackupError {
        BackupError(
            .notFound,
            "not in \(source) at that time: \(paths.map(\.escapedForMessage).joined(separator: ", "))",
            remedy: "paths are relative to the root of the source, for example etc/hosts; another --at may have them")
    }

    /// - Parameter complaint: what tar said of it.
    static func targetFull(_ path: String, _ what: String, remedy: String, complaint: String) -> BackupError {
        BackupError(
            .noSpace, "the target \(path.escapedForMessage) is full: \(what) (\(complaint.escapedForMessage))",
            remedy: remedy)
    }

    static func tarDamaged(_ reason: String) -> BackupError {
        BackupError(
            .damaged, "the tar archive cannot be read: \(reason)",
            remedy:
                "fetch another copy of the element, or look at the archive by hand: `gb restore cat ELEMENT` gives it")
    }
}
