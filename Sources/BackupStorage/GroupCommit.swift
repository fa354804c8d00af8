import BackupModel
import BackupSystem

/// Stores a group of new elements with a few syncs for all of them.
///
/// The order, so that a crash at any point leaves whole elements and rubbish that ``GroupRecovery`` removes: a note is made
/// and locked; bytes and metadata are written to files beside it (a partial file lies there already); the note gets the
/// names and the inodes of all `.data`; all that is made durable at once; then the files get the names, `.data` before
/// `.info`, by which an element becomes visible; the directories are synced; what lies beside the note goes, then the note.
///
/// The note of a few small elements is not synced: a sync more for each would be a quarter of the work. After the end of a
/// process it is there all the same; after a loss of power ``GroupRecovery`` goes by the files beside it, whose names are
/// older than those they give, and no file system with a journal or a log forgets the older one of two names.
struct GroupCommit {
    /// How often other names are looked for when somebody else takes what was free.
    private static let rounds = 100

    private struct Item {
        var files: GroupFiles
        /// The name it is about to get.
        var id: ElementID?
        /// Its directory is on another file system, where no file from here can get a name.
        var isElsewhere = false
        var result: Result<ElementID, BackupError>?

        var source: SourceURL { files.element.source }
    }

    private let storage: DefaultFileStorage
    private let place: Directory
    private let note: HeldNote
    /// Whether the note is kept for the next group.
    private let keepsNote: Bool
    private var lock: FileLock { note.lock }
    private var items: [Item]
    /// Something could not be undone: the note must stay for a recovery.
    private var mustKeepNote = false
    /// The directory that was opened last: with one source there is no other.
    private var lastDirectory: (path: String, directory: Directory)?

    /// - Parameters:
    ///   - pending: at most ``GroupNote/maximumElements``.
    ///   - keepsNote: more groups follow: the note is kept for them.
    init(
        _ pending: ArraySlice<PendingElement>, in storage: DefaultFileStorage, keepsNote: Bool
    ) throws(BackupError) {
        let place = try storage.partialPlace.directory()
        let note = try storage.spareNotes.take(in: place)
        self.note = note
        self.keepsNote = keepsNote
        self.storage = storage
        self.place = place
        let isSmall = storage.durability == .element && !storage.isManyFiles(2 * pending.count)
        items = pending.enumerated().map {
            Item(files: GroupFiles($1, in: place, note: note.name, note.firstNumber + $0, staysOpen: isSmall))
        }
        try GroupSteps.passed("note made")
    }

    mutating func run() -> [Result<ElementID, BackupError>] {
        write()
        var round = 0
        while round < Self.rounds, storeOnce(isFirst: round == 0) { round += 1 }
        for position in items.indices {
            var isStored = false
            if case .success = items[position].result { isStored = true }
            items[position].files.tidy(isStored: isStored)
            try? GroupSteps.passed("tidied")
        }
        if mustKeepNote {
            lock.abandon()
        } else if keepsNote {
            storage.spareNotes.giveBack(note, count: items.count)
        } else {
            lock.release()
        }
        try? GroupSteps.passed("note removed")
        return items.map { item in
            if let result = item.result { return result }
            guard item.isElsewhere else { return .failure(.namesKeepBeingTaken(item.source)) }
            do throws(BackupError) { return .success(try storage.commit(item.files.element)) } catch {
                return .failure(error)
            }
        }
    }

    // MARK: - Steps

    /// Writes the files of all elements.
    private mutating func write() {
        for (_, members) in byDirectory(open) {
            let isElsewhere: Bool
            do throws(BackupError) {
                let source = items[members[0]].source
                let directory = try storage.directory(creatingFor: source)
                lastDirectory = (source.directory, directory)
                isElsewhere = try directory.descriptor.status().device != place.descriptor.status().device
            } catch {
                fail(members, error)
                continue
            }
            for member in members {
                items[member].isElsewhere = isElsewhere
                guard !isElsewhere else { continue }
                do throws(BackupError) { try items[member].files.write() } catch { fail([member], error) }
            }
        }
    }

    /// Gives names to all that need them, as far as they stay free meanwhile.
    ///
    /// - Returns: Whether some of them must look for others.
    private mutating func storeOnce(isFirst: Bool) -> Bool {
        for (path, members) in byDirectory(open) { chooseNames(members, path) }
        let chosen = open
        guard !chosen.isEmpty else { return false }
        do throws(BackupError) {
            try lock.append(
                chosen.compactMap { position in
                    items[position].id.map { GroupNote.line(inode: items[position].files.inode, $0) }
                }.joined())
            try GroupSteps.passed("note written")
            try makeDurable(chosen, isFirst: isFirst)
        } catch {
            fail(chosen, error)
            return false
        }
        var linked: [Int] = []
        for (path, members) in byDirectory(chosen) { linked += link(members, path) }
        do throws(BackupError) { try syncDirectories(linked) } catch {
            // Visible, but not known to be durable: taken back, as whoever made them is told that it failed.
            takeBack(linked)
            fail(linked, error)
            return false
        }
        for position in linked { items[position].result = items[position].id.map { .success($0) } }
        return !open.isEmpty
    }

    private mutating func chooseNames(_ members: [Int], _ path: String) {
        do throws(BackupError) {
            let directory = try directory(path)
            for member in members {
                let series = storage.series(items[member].source, items[member].files.element.metadata)
                let id = try storage.names.findFree(series, in: directory) { id throws(BackupError) in
                    try storage.isFree(id, in: directory, lockCounts: true)
                }
                items[member].id = id
                if id == nil { fail([member], .noFreeName(series.source, series.digits)) }
            }
        } catch {
            fail(members.filter { items[$0].result == nil }, error)
        }
    }

    /// - Returns: Those that have got their names.
    private mutating func link(_ members: [Int], _ path: String) -> [Int] {
        var linked: [Int] = []
        do throws(BackupError) {
            let directory = try directory(path)
            for member in members {
                guard let id = items[member].id else { continue }
                do throws(BackupError) {
                    switch try items[member].files.link(as: id, in: directory) {
                    case .done: linked.append(member)
                    case .taken: break
                    case .otherFileSystem: items[member].isElsewhere = true
                    }
                } catch {
                    if (try? directory.status(id.fileName("data")))??.inode == items[member].files.inode {
                        mustKeepNote = true
                    }
                    fail([member], error)
                }
            }
        } catch {
            fail(members, error)
        }
        return linked
    }

    private mutating func takeBack(_ linked: [Int]) {
        for (path, members) in byDirectory(linked) {
            do throws(BackupError) {
                let directory = try directory(path)
                for suffix in ["info", "data"] {
                    for member in members {
                        if let id = items[member].id { try directory.removeFile(id.fileName(suffix)) }
                    }
                }
            } catch {
                mustKeepNote = true
            }
        }
    }

    // MARK: - Syncs

    private mutating func makeDurable(_ members: [Int], isFirst: Bool) throws(BackupError) {
        switch storage.durability {
        case .none: break
        case .filesystem: try place.syncFileSystem()
        case .element where isFirst && storage.isManyFiles(2 * members.count): try place.syncFileSystem()
        case .element where members.allSatisfy { items[$0].files.isBesideNote }:
            if isFirst { for member in members { try items[member].files.sync() } }
        case .element:
            lock.startWriteback()
            if isFirst { for member in members { try items[member].files.sync() } }
            try lock.sync()
            // The name of the note must last: a partial file may lose its own to whoever opens it next.
            try place.sync()
        }
        try GroupSteps.passed("all durable")
    }

    private mutating func syncDirectories(_ members: [Int]) throws(BackupError) {
        let groups = byDirectory(members)
        try GroupSteps.passed("all linked")
        switch storage.durability {
        case .none: break
        case .filesystem: try place.syncFileSystem()
        case .element where storage.isManyFiles(groups.count): try place.syncFileSystem()
        case .element: for (path, _) in groups { try directory(path).sync() }
        }
        try GroupSteps.passed("directories synced")
    }

    // MARK: - Members

    /// Elements that still need names.
    private var open: [Int] { items.indices.filter { items[$0].result == nil && !items[$0].isElsewhere } }

    private mutating func fail(_ members: [Int], _ error: BackupError) {
        for member in members {
            items[member].result = .failure(error)
            if let id = items[member].id { storage.names.giveBack(id) }
            // At once: on a full disk this is the room for the others and for the note.
            items[member].files.tidy(isStored: false)
        }
    }

    /// One directory after the other is opened, so that a group of many sources needs few descriptors.
    private func byDirectory(_ members: [Int]) -> [(key: String, members: [Int])] {
        members.grouped { items[$0].source.directory }
    }

    private mutating func directory(_ path: String) throws(BackupError) -> Directory {
        if let lastDirectory, lastDirectory.path == path { return lastDirectory.directory }
        let directory = path.isEmpty ? storage.root : try storage.root.directory(path)
        lastDirectory = (path, directory)
        return directory
    }
}
