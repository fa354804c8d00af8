import BackupModel
import BackupSystem

/// Refuses members that tar would write through a symbolic link in the target.
///
/// tar replaces such a link by a directory when the archive has that directory. It has not when single paths are
/// restored, when the source has an `include`, and when somebody has made it to do harm: then tar follows the link.
struct LinkInspector: MemberInspector {
    private let target: Directory
    /// Directories for which room has to be made, because tar does not when it may delete and has not seen the names in
    /// the directory above.
    private let tops: Set<MemberPath>
    /// Links that stand where this archive has a directory: tar, which comes later than we, replaces them. There are as
    /// many as links in the target stand where they should not.
    private var replaced: Set<MemberPath> = []
    /// Was good for the last member: most members lie in the same directory as the one before.
    private var lastParent: MemberPath?

    /// - Parameter tops: those of the wanted paths for which this makes room, see above.
    init(_ target: Directory, tops: [MemberPath]) {
        self.target = target
        self.tops = Set(tops)
    }

    mutating func see(_ name: MemberPath, isDirectory: Bool, hardLink: MemberPath?) throws(BackupError) {
        try check(name, name.parent)
        if let hardLink { try check(hardLink, hardLink.parent) }
        if isDirectory, tops.contains(name) { try target.removeFile(at: name.bytes) }
        if isDirectory, try target.firstSymbolicLink(on: name.bytes) == name.bytes { replaced.insert(name) }
    }

    /// What was renamed may stand anywhere, and tar renames it there.
    func needsNames(of directory: MemberPath) -> Bool { true }

    mutating func see(_ names: TarDirectory, of directory: MemberPath) throws(BackupError) {
        for path in names.renamed { try check(path, path.parent) }
    }

    private mutating func check(_ name: MemberPath, _ parent: MemberPath) throws(BackupError) {
        if parent == lastParent { return }
        if let link = try Self.link(above: name, in: target), !replaced.contains(link) {
            throw .throughLink(name, link, target.path)
        }
        lastParent = parent
    }

    /// The symbolic link in `target` that leads to where `path` would be written.
    static func link(above path: MemberPath, in target: Directory) throws(BackupError) -> MemberPath? {
        try target.firstSymbolicLink(on: path.parent.bytes).map { MemberPath($0) }
    }
}
