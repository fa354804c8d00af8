import BackupModel
import BackupSystem

/// Sets one attribute of many elements, with the syncs of one.
struct GroupAttributes {
    private typealias Held = GroupLocks.Held

    private let storage: DefaultFileStorage
    private let name: AttributeName
    private let values: [(ElementID, [UInt8]?)]
    /// Makes the new value of what stands there, in place of ``values``; asked while the lock is held.
    private let change: AttributeChange?
    private var results: [Result<Void, BackupError>]

    init(_ name: AttributeName, _ values: [(ElementID, [UInt8]?)], in storage: DefaultFileStorage) {
        self.storage = storage
        self.name = name
        self.values = values
        change = nil
        results = Array(repeating: .success(()), count: values.count)
    }

    init(
        _ name: AttributeName, of ids: [ElementID], in storage: DefaultFileStorage, _ change: @escaping AttributeChange
    ) {
        self.storage = storage
        self.name = name
        values = ids.map { ($0, nil) }
        self.change = change
        results = Array(repeating: .success(()), count: ids.count)
    }

    /// Whether the attribute goes away.
    private func isRemoval(_ one: Held) -> Bool { change == nil && values[one.position].1 == nil }

    mutating func run() -> [Result<Void, BackupError>] {
        // The last value of each element counts.
        var last: [ElementID: Int] = [:]
        for (position, value) in values.enumerated() { last[value.0] = position }
        var wanted: [(position: Int, id: ElementID)] = []
        for (position, value) in values.enumerated() where last[value.0] == position {
            do throws(BackupError) {
                try storage.check(name, of: value.0, value.1)
                wanted.append((position, value.0))
            } catch {
                results[position] = .failure(error)
            }
        }
        let locks = GroupLocks(storage, .change)
        var rest = wanted[...]
        while !rest.isEmpty {
            let held = locks.take(from: &rest) { results[$0] = .failure($1) }
            set(held)
            for one in held { one.lock.release() }
        }
        for (position, value) in values.enumerated() { results[position] = results[last[value.0] ?? position] }
        return results
    }

    private mutating func set(_ held: [Held]) {
        let written = each(held) { run, one throws(BackupError) in try run.write(one) }
        do throws(BackupError) { try syncValues(written) } catch {
            for one in written {
                try? one.directory.removeFile(newName(one))
                results[one.position] = .failure(error)
            }
            return
        }
        let done = each(written) { run, one throws(BackupError) in
            if run.isRemoval(one) {
                try one.directory.removeFile(one.id.fileName(run.name.description))
            } else {
                try one.directory.rename(run.newName(one), to: one.id.fileName(run.name.description))
            }
        }
        guard storage.durability != .none else { return }
        for (_, members) in done.grouped({ $0.id.source.directory }) {
            do throws(BackupError) { try members[0].directory.sync() } catch {
                for one in members { results[one.position] = .failure(error) }
            }
        }
    }

    private func newName(_ one: Held) -> String { one.id.fileName(DefaultFileStorage.newValueSuffix) }

    private func newValue(_ one: Held) throws(BackupError) -> [UInt8]? {
        guard let change else { return values[one.position].1 }
        let old = try one.directory.readFileIfPresent(
            one.id.fileName(name.description), limit: DefaultFileStorage.maximumAttributeSize)
        let value = try change(one.position, old)
        try storage.check(name, of: one.id, value)
        return value
    }

    /// Writes the new value under a name that the lock speaks of: until it replaces the old one, it is nothing.
    private func write(_ one: Held) throws(BackupError) {
        guard let value = try newValue(one) else { return }
        try one.directory.removeFile(newName(one))
        let file = try one.directory.createFile(newName(one))
        defer { file.close() }
        do throws(BackupError) { try file.write(value) } catch {
            try? one.directory.removeFile(newName(one))
            throw error
        }
    }

    private func syncValues(_ written: [Held]) throws(BackupError) {
        let files = written.filter { !isRemoval($0) }
        guard let first = files.first, storage.durability != .none else { return }
        if storage.durability == .filesystem || storage.isManyFiles(files.count) {
            return try first.directory.syncFileSystem()
        }
        for one in files { try one.directory.openFile(newName(one)).sync() }
    }

    /// - Returns: Those for which `body` succeeded.
    private mutating func each(
        _ held: [Held], _ body: (GroupAttributes, Held) throws(BackupError) -> Void
    ) -> [Held] {
        var done: [Held] = []
        for one in held {
            do throws(BackupError) {
                try body(self, one)
                done.append(one)
            } catch {
                results[one.position] = .failure(error)
            }
        }
        return done
    }
}
