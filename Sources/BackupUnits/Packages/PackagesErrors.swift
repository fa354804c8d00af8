import BackupModel

/// The wording of what a `packages` unit refuses.
extension BackupError {
    static func packagesSetting(_ key: String, _ cause: BackupError) -> BackupError {
        BackupError(.configuration, "\(key): \(cause.message)", remedy: cause.remedy)
    }

    static func packagesRoot(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code, "root is \"\(path.escapedForMessage)\", which cannot be looked into",
            remedy: "correct the key root in the unit's configuration, or mount or make the directory", cause: cause)
    }

    static func packagesManager(_ root: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .notFound, "no database of a package manager is below \(root.escapedForMessage)",
            remedy: "the keys root and manager of the unit's configuration say where and which; \(cause.remedy)")
    }

    static func otherSystem(
        _ base: SourceURL, _ former: (manager: String, root: String), _ now: (manager: String, root: String)
    ) -> BackupError {
        BackupError(
            .configuration,
            "\(base) has followed \(former.manager.escapedForMessage) below \(former.root.escapedForMessage), and now it is "
                + "\(now.manager.escapedForMessage) below \(now.root.escapedForMessage): they are not one history",
            remedy: "give another base, or set root and manager to what they were")
    }

    static func noPackageLog(_ path: String, _ manager: String) -> BackupError {
        BackupError(
            .notFound, "there is no log \(path.escapedForMessage) of \(manager.escapedForMessage)",
            remedy:
                "the key log of the unit's configuration names another one; the packages are followed without it, too")
    }

    static func logCutMeanwhile(_ path: String) -> BackupError {
        BackupError(
            .busy, "\(path.escapedForMessage) became shorter while it was read",
            remedy: "nothing was stored; the next run takes what is there then")
    }

    static func logReplacedMeanwhile(_ path: String) -> BackupError {
        BackupError(
            .busy, "\(path.escapedForMessage) was replaced while it was read",
            remedy: "nothing was stored; the next run takes what is there then")
    }

    static func databaseEmpty(_ root: String, _ manager: String, _ count: Int) -> BackupError {
        BackupError(
            .damaged,
            "the database of \(manager.escapedForMessage) below \(root.escapedForMessage) has no package any more, and had "
                + "\(count == 1 ? "1" : "\(count)")",
            remedy:
                "repair it; if all packages are gone indeed, `gb generator once --now --full UNIT` takes it as it is")
    }

    static func nothingProduced(_ source: SourceURL) -> BackupError {
        BackupError(.failed, "the run of \(source) gave nothing", remedy: "run it again; if it stays so, report it")
    }

    static func noBookmark() -> BackupError { BackupError(.damaged, "it is no note of how far a log was taken") }

    static func packagesMemoryDamaged(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .damaged, "the note of how far the log was taken, \(path.escapedForMessage), is damaged", cause: cause)
    }
}
