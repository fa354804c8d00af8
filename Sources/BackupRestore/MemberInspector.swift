import BackupModel

/// Is shown what passes a ``TarFilter`` before tar sees it, and ends the restore when that would do harm.
protocol MemberInspector {
    /// A member; `hardLink` is the name under which the content stands.
    mutating func see(_ name: MemberPath, isDirectory: Bool, hardLink: MemberPath?) throws(BackupError)

    /// Whether the names in this directory matter.
    func needsNames(of directory: MemberPath) -> Bool

    /// The names in a directory, which tar makes exactly so when it may delete.
    mutating func see(_ names: TarDirectory, of directory: MemberPath) throws(BackupError)
}
