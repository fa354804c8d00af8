import BackupModel

/// What this program itself needs and may lie below the target of a restore: a backup of the whole machine that is put
/// back in place must not delete the backups.
package struct ProtectedPlace: Sendable {
    /// What a restore that deletes may do there.
    package enum Care: Sendable {
        /// Nothing. Backups leave it out by its path: one that holds something there was made when it lay elsewhere.
        case untouched
        /// What a backup says, but nothing may be missing at any time: it is read while the restore runs.
        case kept
        /// What a backup says, but nothing may be missing in the end.
        case keptInTheEnd
    }

    /// For messages: "the storage".
    package let name: String
    /// As the configuration has it.
    package let path: String
    package let care: Care

    package init(name: String, path: String, care: Care) {
        self.name = name
        self.path = path
        self.care = care
    }

    var description: String { "\(name) \(path)" }

    /// Where it is below `target`, a real path: by the path as it is written, and by that without symbolic links.
    func paths(below target: String) -> [MemberPath] {
        let top = MemberPath(target)
        var paths: [MemberPath] = []
        for form in [path, RestoreTarget.real(path)].compactMap({ $0 }) {
            let absolute = MemberPath(form)
            // The target in the place itself has been refused, or is what a person wants.
            guard top != absolute, top.contains(absolute) else { continue }
            let below = MemberPath(absolute.bytes.dropFirst(top.isRoot ? 0 : top.bytes.count + 1))
            if !paths.contains(below) { paths.append(below) }
        }
        return paths
    }
}

/// Refuses an archive whose extraction with deletion would harm a ``ProtectedPlace``.
struct PlaceInspector: MemberInspector {
    let place: ProtectedPlace
    /// Relative to the target.
    let path: MemberPath
    let target: RestoreTarget
    let element: ElementID
    /// Whether no other element is extracted after this one.
    let isLast: Bool

    mutating func see(_ name: MemberPath, isDirectory: Bool, hardLink: MemberPath?) throws(BackupError) {
        if place.care == .untouched, path.contains(name) {
            throw harm("would change what is in it: that backup holds \(shown(name))")
        }
        if !isDirectory, name.contains(path) { throw harm("puts something else in the place of \(shown(name))") }
    }

    func needsNames(of directory: MemberPath) -> Bool { directory.contains(path) || path.contains(directory) }

    func see(_ names: TarDirectory, of directory: MemberPath) throws(BackupError) {
        if let renamed = names.renamed.first(where: { $0.contains(path) || path.contains($0) }) {
            throw harm("renames \(shown(renamed))")
        }
        if let (name, _) = path.step(from: directory) {
            // A file of that name would be deleted where a directory stands; "left" stays, whatever it is.
            switch names[name] {
            case .directory, .left: return
            case .stored, nil: if isRelevant { throw harm("would delete it: that backup does not know it") }
            }
        } else if place.care != .untouched, isRelevant {
            try checkEntries(of: directory, names)
        }
    }

    private var isRelevant: Bool { place.care != .keptInTheEnd || isLast }

    /// Everything in a directory of the place must be known.
    private func checkEntries(of directory: MemberPath, _ names: TarDirectory) throws(BackupError) {
        guard let there = try target.names(in: directory) else { return }
        for name in there where names[name[...]] == nil {
            throw harm("would delete \(shown(directory))/\(name.escapedForMessage) in it: that backup does not know it")
        }
    }

    private func harm(_ text: String) -> BackupError {
        .harms(place.description, element, target: target.path, text)
    }

    private func shown(_ path: MemberPath) -> String { path.bytes.escapedForMessage }
}

/// Looks after several places.
struct Inspectors: MemberInspector {
    var all: [PlaceInspector]

    mutating func see(_ name: MemberPath, isDirectory: Bool, hardLink: MemberPath?) throws(BackupError) {
        for index in all.indices { try all[index].see(name, isDirectory: isDirectory, hardLink: hardLink) }
    }

    func needsNames(of directory: MemberPath) -> Bool { all.contains { $0.needsNames(of: directory) } }

    mutating func see(_ names: TarDirectory, of directory: MemberPath) throws(BackupError) {
        for index in all.indices where all[index].needsNames(of: directory) {
            try all[index].see(names, of: directory)
        }
    }
}
