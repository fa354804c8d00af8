/// Finds the repository of an ebuild by its path, where that can be told.
struct PortageRepositories: Sendable {
    /// Directories, each ending in a slash, and names.
    private let known: [(directory: [UInt8], name: String)]
    /// The last answer: ebuilds of one directory come in rows.
    private var lastDirectory: [UInt8] = []
    private var lastName: String?

    init(_ repositories: [String: String]) {
        known = repositories.map { (Array(($0.key.hasSuffix("/") ? $0.key : $0.key + "/").utf8), $0.value) }
            // The longest first, so that a repository within another one is found.
            .sorted { $0.directory.count > $1.directory.count }
    }

    /// - Parameters:
    ///   - path: that of the ebuild, `<directory>/<category>/<name>/<name>-<version>.ebuild`.
    ///   - atom: whose ebuild it is.
    /// - Returns: `nil` when the path does not tell.
    mutating func name(of path: ByteText, _ atom: PortageAtom) -> String? {
        let tail = atom.text.count + ".ebuild".utf8.count + (atom.hyphen - atom.slash)
        guard path.hasSuffix(".ebuild"), path.count > tail + 1 else { return nil }
        // `<directory>/` stands before `<category>/<name>/<name>-<version>.ebuild`.
        let directory = path.slice(0, path.count - tail)
        guard directory[directory.count - 1] == UInt8(ascii: "/"),
            path.from(directory.count).hasPrefix(atom.text.slice(0, atom.hyphen))
        else { return nil }
        if !directory.equals(lastDirectory) {
            lastDirectory = directory.array
            lastName = find(directory)
        }
        return lastName
    }

    private func find(_ directory: ByteText) -> String? {
        for (candidate, name) in known where directory.equals(candidate) { return name }
        // Places where the name of the directory is that of the repository by convention, and the old place of the main one.
        let text = directory.slice(0, directory.count - 1)
        guard let slash = text.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        let last = text.from(slash + 1)
        let above = text.slice(0, slash)
        if !last.isEmpty, above.hasSuffix("/var/db/repos") || above.hasSuffix("/var/lib/layman") { return last.string }
        return text.hasSuffix("/usr/portage") ? "gentoo" : nil
    }
}

extension ByteText {
    func hasPrefix(_ other: ByteText) -> Bool { count >= other.count && slice(0, other.count).equals(other) }
}
