package import BackupModel
import BackupSystem

/// Many elements at once.
extension DefaultFileStorage {
    package func commit(_ pending: [PendingElement]) -> [Result<ElementID, BackupError>] {
        commit(pending, keepsNote: false)
    }

    /// - Parameter keepsNote: more groups follow, until ``endArrivals()``.
    func commit(_ pending: [PendingElement], keepsNote: Bool) -> [Result<ElementID, BackupError>] {
        var results: [Result<ElementID, BackupError>] = []
        while results.count < pending.count {
            let part = pending[results.count...].prefix(GroupNote.maximumElements)
            do throws(BackupError) {
                var group = try GroupCommit(part, in: self, keepsNote: keepsNote)
                results += group.run()
            } catch {
                results += Array(repeating: .failure(error), count: part.count)
            }
        }
        return results
    }

    package func delete(_ ids: [ElementID]) -> [Result<Void, BackupError>] {
        var seen: Set<ElementID> = []
        let once = ids.enumerated().filter { seen.insert($1).inserted }.map { (position: $0, id: $1) }
        var deletion = GroupDeletion(ids.count, in: self)
        var results = deletion.run(once)
        // Named twice: gone already, if all went well.
        let positions = Set(once.map(\.position))
        for (position, id) in ids.enumerated() where !positions.contains(position) {
            do throws(BackupError) { try delete(id) } catch { results[position] = .failure(error) }
        }
        return results
    }

    package func setAttribute(
        _ name: AttributeName, to values: [(ElementID, [UInt8]?)]
    ) -> [Result<Void, BackupError>] {
        var attributes = GroupAttributes(name, values, in: self)
        return attributes.run()
    }

    package func changeAttribute(
        _ name: AttributeName, of ids: [ElementID], _ change: @escaping AttributeChange
    ) -> [Result<Void, BackupError>] {
        var attributes = GroupAttributes(name, of: ids, in: self, change)
        return attributes.run()
    }

    package func forEachElementInChainOrder(
        matching pattern: SourcePattern?, _ body: (StoredElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        try visit(root, below: "", pattern, links: { _ in }) { directory, source, ids throws(BackupError) in
            var order = ChainOrder()
            try forEachElement(of: source, in: directory, ids) { listed throws(BackupError) in
                if case .element(let element) = listed { order.add(element) }
            }
            try order.forEach { name throws(BackupError) in
                let element: StoredElement
                do throws(BackupError) { element = try Self.read(name.id(of: source), in: directory) } catch {
                    // Deleted or damaged since the first look.
                    if [.notFound, .damaged, .untrusted].contains(error.code) { return }
                    throw error
                }
                try body(element)
            }
        }
    }

    /// Whether so many files are synced faster with all others of the file system than one by one.
    func isManyFiles(_ count: Int) -> Bool { count > 8 }
}
