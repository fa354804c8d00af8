import BackupModel
import BackupStorage
import BackupSystem
import Synchronization

/// What is stored here of one source at a time: answers whether an offered element is here already.
///
/// One caller asks; any thread may add what it has stored meanwhile.
final class PresentElements: Sendable {
    /// By what elements without UUID are looked for. Whether they are the same is decided by more.
    private struct Mark: Hashable {
        let type: BackupType
        let time: Timestamp
        let checksum: [UInt8]?

        init(_ metadata: ElementMetadata) {
            type = metadata.type
            time = metadata.timestamp
            checksum = metadata.checksum
        }
    }

    private struct State {
        var source: SourceURL?
        /// `nil` while it is made.
        var index: ElementUUIDIndex?
        /// Elements without UUID; `nil` as long as nobody has asked for one.
        var marks: [Mark: [ElementID]]?
        /// What was stored while the index or the marks were made.
        var late: [(ElementMetadata, ElementID)] = []
    }

    private let storage: any ElementStorage
    private let state = Mutex(State())

    init(_ storage: any ElementStorage) { self.storage = storage }

    /// Bytes and number of the elements whose source matches.
    func count(_ pattern: SourcePattern?) throws(BackupError) -> (bytes: Int64, elements: Int64) {
        var bytes: Int64 = 0
        var elements: Int64 = 0
        try storage.forEachElement(matching: pattern) { _, listed throws(BackupError) in
            guard case .element(let element) = listed else { return }
            bytes += element.size
            elements += 1
        }
        return (bytes, elements)
    }

    /// From now on questions are about this source.
    func turn(to source: SourceURL) throws(BackupError) {
        let isThere = state.withLock { state in
            if state.source == source { return true }
            state = State(source: source)
            return false
        }
        if isThere { return }
        do throws(BackupError) {
            let index = try storage.uuidIndex(of: source)
            state.withLock { state in
                state.index = index
                for (metadata, id) in state.late { Self.add(metadata, id, &state) }
                state.late = []
            }
        } catch {
            state.withLock { $0.source = nil }
            throw error
        }
    }

    func insert(_ metadata: ElementMetadata, _ id: ElementID) {
        state.withLock { state in
            guard state.source == id.source else { return }
            if state.index == nil {
                state.late.append((metadata, id))
            } else {
                Self.add(metadata, id, &state)
            }
        }
    }

    /// Whether the questions are about this source, and it is known without a look at the disk that the element is not here.
    func isNew(_ metadata: ElementMetadata, in source: SourceURL) -> Bool {
        guard let uuid = metadata.uuid else { return false }
        return state.withLock { state in
            guard state.source == source, let index = state.index else { return false }
            return index.id(of: uuid) == nil
        }
    }

    func contains(_ uuid: ElementUUID) -> Bool { state.withLock { $0.index?.id(of: uuid) != nil } }

    /// The element here that is the same as the offered one.
    ///
    /// - Parameter size: of the offered one, if that is known.
    /// - Throws: `untrusted` when one with the same UUID has other bytes.
    func find(
        _ metadata: ElementMetadata, size: Int64?
    ) throws(BackupError) -> (id: ElementID, sha512: [UInt8], size: Int64)? {
        guard let uuid = metadata.uuid else { return try findByMark(metadata, size: size) }
        guard let id = state.withLock({ $0.index?.id(of: uuid) }), let element = try element(id),
            // Only the hash of the UUID was compared so far.
            element.metadata.uuid == uuid
        else { return nil }
        let own = try checksum(of: element)
        if let offered = metadata.checksum, offered != own { throw .sameUUIDOtherBytes(id) }
        return (id, own, element.size)
    }

    /// The element without UUID and checksum here that says the same and has these bytes.
    func twin(_ metadata: ElementMetadata, _ sha512: [UInt8], size: Int64) throws(BackupError) -> ElementID? {
        for element in try candidates(metadata) where element.metadata == metadata && element.size == size {
            if try checksum(of: element) == sha512 { return element.id }
        }
        return nil
    }

    /// An element without UUID is the same when time, type and checksum are; without checksum, when all that is said of
    /// it is, and its size. The sender compares the bytes before it acts on that.
    private func findByMark(
        _ metadata: ElementMetadata, size: Int64?
    ) throws(BackupError) -> (id: ElementID, sha512: [UInt8], size: Int64)? {
        for element in try candidates(metadata) {
            if let checksum = metadata.checksum { return (element.id, checksum, element.size) }
            guard let size, element.size == size, element.metadata == metadata else { continue }
            return (element.id, try checksum(of: element), size)
        }
        return nil
    }

    private func candidates(_ metadata: ElementMetadata) throws(BackupError) -> [StoredElement] {
        try makeMarks()
        let ids = state.withLock { $0.marks?[Mark(metadata)] ?? [] }
        var found: [StoredElement] = []
        for id in ids { if let element = try element(id) { found.append(element) } }
        return found
    }

    private func makeMarks() throws(BackupError) {
        guard let source = state.withLock({ $0.marks == nil ? $0.source : nil }) else { return }
        // What is stored from now on is added.
        state.withLock { $0.marks = [:] }
        var found: [(ElementMetadata, ElementID)] = []
        do throws(BackupError) {
            try storage.forEachElement(of: source) { listed throws(BackupError) in
                guard case .element(let element) = listed, element.metadata.uuid == nil else { return }
                found.append((element.metadata, element.id))
            }
        } catch {
            state.withLock { $0.marks = nil }
            throw error
        }
        state.withLock { state in for (metadata, id) in found { Self.add(metadata, id, &state) } }
    }

    private static func add(_ metadata: ElementMetadata, _ id: ElementID, _ state: inout State) {
        if let uuid = metadata.uuid {
            state.index?.insert(uuid, id)
        } else if state.marks?[Mark(metadata)]?.contains(id) != true {
            state.marks?[Mark(metadata), default: []].append(id)
        }
    }

    /// `nil` for an element that was deleted since it was listed: it is fetched again.
    private func element(_ id: ElementID) throws(BackupError) -> StoredElement? {
        do throws(BackupError) { return try storage.element(id) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    private func checksum(of element: StoredElement) throws(BackupError) -> [UInt8] {
        if let checksum = element.metadata.checksum { return checksum }
        return try DataDigest.sha512(try storage.openData(element.id)) { _ in }
    }
}
