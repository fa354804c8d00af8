package import BackupModel
import BackupSystem

/// What a storage does that knows nothing better: one by one.
extension ElementStorage {
    package func commit(_ pending: [PendingElement]) -> [Result<ElementID, BackupError>] {
        pending.map { element in result { () throws(BackupError) in try commit(element) } }
    }

    /// Stores one element by ``beginElement(source:)``: a partial file is copied.
    func commit(_ element: PendingElement) throws(BackupError) -> ElementID {
        let sink = try beginElement(source: element.source)
        defer { sink.discard() }
        switch element.content {
        case .bytes(let bytes):
            try sink.descriptor.write(bytes)
            return try sink.commit(element.metadata, size: Int64(bytes.count))
        case .partial(let file):
            guard file.take() else { throw .partialTaken(element.source) }
            do throws(BackupError) {
                let size = try file.descriptor.copyAll(to: sink.descriptor)
                let id = try sink.commit(element.metadata, size: size)
                file.removeNames()
                file.close()
                return id
            } catch {
                file.giveBack()
                throw error
            }
        }
    }

    package func delete(_ ids: [ElementID]) -> [Result<Void, BackupError>] {
        ids.map { id in result { () throws(BackupError) in try delete(id) } }
    }

    package func setAttribute(
        _ name: AttributeName, to values: [(ElementID, [UInt8]?)]
    ) -> [Result<Void, BackupError>] {
        values.map { id, value in result { () throws(BackupError) in try setAttribute(name, of: id, to: value) } }
    }

    package func changeAttribute(
        _ name: AttributeName, of ids: [ElementID], _ change: @escaping AttributeChange
    ) -> [Result<Void, BackupError>] {
        ids.enumerated().map { number, id in
            result { () throws(BackupError) in
                try setAttribute(name, of: id, to: try change(number, try attribute(name, of: id)))
            }
        }
    }

    package func openPartial(_ key: PartialKey) throws(BackupError) -> PartialFile { throw .noPartials() }

    package func removePartials(before date: Timestamp) throws(BackupError) -> Int { 0 }

    package func removePartials(of owner: String, beyond allowance: PartialAllowance) throws(BackupError) -> Int { 0 }

    package func uuidIndex(of source: SourceURL) throws(BackupError) -> ElementUUIDIndex {
        var index = ElementUUIDIndex(source: source)
        try forEachElement(of: source) { listed throws(BackupError) in
            if case .element(let element) = listed, let uuid = element.metadata.uuid { index.insert(uuid, element.id) }
        }
        return index
    }

    package func forEachElementInChainOrder(
        matching pattern: SourcePattern?, _ body: (StoredElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        try forEachSource(matching: pattern) { source throws(BackupError) in
            var order = ChainOrder()
            try forEachElement(of: source) { listed throws(BackupError) in
                if case .element(let element) = listed { order.add(element) }
            }
            try order.forEach { name throws(BackupError) in
                let element: StoredElement
                do throws(BackupError) { element = try self.element(name.id(of: source)) } catch {
                    // Deleted or damaged since the first look.
                    if [.notFound, .damaged, .untrusted].contains(error.code) { return }
                    throw error
                }
                try body(element)
            }
        }
    }

    private func result<Value>(_ body: () throws(BackupError) -> Value) -> Result<Value, BackupError> {
        do throws(BackupError) { return .success(try body()) } catch { return .failure(error) }
    }
}
