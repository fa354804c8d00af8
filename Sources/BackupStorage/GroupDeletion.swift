import BackupModel
import BackupSystem

/// Deletes many elements, each in the order of a single deletion, with the syncs of one.
struct GroupDeletion {
    private typealias Held = GroupLocks.Held

    private let storage: DefaultFileStorage
    private var results: [Result<Void, BackupError>]

    init(_ count: Int, in storage: DefaultFileStorage) {
        self.storage = storage
        results = Array(repeating: .success(()), count: count)
    }

    /// - Parameter ids: no element twice.
    mutating func run(_ ids: [(position: Int, id: ElementID)]) -> [Result<Void, BackupError>] {
        let locks = GroupLocks(storage, .delete)
        var rest = ids[...]
        while !rest.isEmpty {
            let held = locks.take(from: &rest) { results[$0] = .failure($1) }
            delete(held)
        }
        return results
    }

    private mutating func delete(_ held: [Held]) {
        guard let first = held.first else { return }
        do throws(BackupError) {
            // The locks say what is being done: durable before the first file goes.
            switch storage.durability {
            case .none: break
            case .filesystem: try first.directory.syncFileSystem()
            case .element where storage.isManyFiles(held.count): try first.directory.syncFileSystem()
            case .element: for one in held { try one.lock.sync() }
            }
        } catch {
            for one in held { end(one, error) }
            return
        }
        // Every element vanishes as a whole before anything else of it goes.
        let vanished = inEachDirectory(held) { run, directory, members throws(BackupError) in
            run.removeEach(members) { one throws(BackupError) in
                try directory.removeFile(one.id.fileName("info"))
            }
        }
        let removed = inEachDirectory(vanished) { run, directory, members throws(BackupError) in
            var suffixes = try run.storage.suffixes(of: members.map(\.id), in: directory)
            return run.removeEach(members) { one throws(BackupError) in
                for name in suffixes.removeValue(forKey: one.id.baseName) ?? [] {
                    try directory.removeFile(one.id.fileName(name))
                }
                try directory.removeFile(one.id.fileName("data"))
            }
        }
        for one in removed { one.lock.release() }
    }

    /// Does one step for the elements of each directory, and syncs that.
    ///
    /// - Parameter step: returns those that it succeeded for.
    /// - Returns: Those for which all went well; the others are done with.
    private mutating func inEachDirectory(
        _ held: [Held], _ step: (inout GroupDeletion, Directory, [Held]) throws(BackupError) -> [Held]
    ) -> [Held] {
        var rest: [Held] = []
        for (_, members) in held.grouped({ $0.id.source.directory }) {
            let directory = members[0].directory
            var done = members
            do throws(BackupError) {
                done = try step(&self, directory, members)
                if storage.durability != .none { try directory.sync() }
                rest += done
            } catch {
                for one in done { end(one, error) }
            }
        }
        return rest
    }

    private mutating func removeEach(
        _ members: [Held], _ body: (Held) throws(BackupError) -> Void
    ) -> [Held] {
        var done: [Held] = []
        for one in members {
            do throws(BackupError) {
                try body(one)
                done.append(one)
            } catch {
                end(one, error)
            }
        }
        return done
    }

    /// Gives up on one. Half-way, its lock file stays, and the next recovery finishes what it says.
    private mutating func end(_ one: Held, _ error: BackupError) {
        results[one.position] = .failure(error)
        if (try? storage.isListed(one.id, in: one.directory)) == false {
            one.lock.abandon()
        } else {
            one.lock.release()
        }
    }
}
