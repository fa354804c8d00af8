import BackupModel
import BackupStorage
import BackupSystem

/// A storage that does something else before it stores, or refuses to.
final class InterceptedStorage: ElementStorage {
    private let base: any ElementStorage
    private let before: @Sendable () -> Void
    private let refusal: BackupError?
    private let bytes: Int64?

    /// - Parameter room: what the disk has left, in bytes.
    init(
        _ base: any ElementStorage, refusing refusal: BackupError? = nil, room bytes: Int64? = nil,
        _ before: @escaping @Sendable () -> Void = {}
    ) {
        self.base = base
        self.refusal = refusal
        self.bytes = bytes
        self.before = before
    }

    func room() throws(BackupError) -> Int64? { bytes }

    func commit(_ pending: [PendingElement]) -> [Result<ElementID, BackupError>] {
        before()
        if let refusal { return pending.map { _ in .failure(refusal) } }
        return base.commit(pending)
    }

    func beginElement(source: SourceURL) throws(BackupError) -> any ElementSink {
        try base.beginElement(source: source)
    }
    func element(_ id: ElementID) throws(BackupError) -> StoredElement { try base.element(id) }
    func forEachSource(
        matching pattern: SourcePattern?, _ body: (SourceURL) throws(BackupError) -> Void
    ) throws(BackupError) { try base.forEachSource(matching: pattern, body) }
    func forEachElement(
        of source: SourceURL, _ body: (ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) { try base.forEachElement(of: source, body) }
    func openData(_ id: ElementID) throws(BackupError) -> OwnedDescriptor { try base.openData(id) }
    func localPath(of id: ElementID) -> String? { base.localPath(of: id) }
    func attributes(of id: ElementID) throws(BackupError) -> [AttributeName] { try base.attributes(of: id) }
    func attribute(_ name: AttributeName, of id: ElementID) throws(BackupError) -> [UInt8]? {
        try base.attribute(name, of: id)
    }
    func setAttribute(_ name: AttributeName, of id: ElementID, to value: [UInt8]?) throws(BackupError) {
        try base.setAttribute(name, of: id, to: value)
    }
    func arrivalTime(of id: ElementID) throws(BackupError) -> Timestamp? { try base.arrivalTime(of: id) }
    func delete(_ id: ElementID) throws(BackupError) { try base.delete(id) }
    func openPartial(_ key: PartialKey) throws(BackupError) -> PartialFile { try base.openPartial(key) }
    func removePartials(of owner: String, beyond allowance: PartialAllowance) throws(BackupError) -> Int {
        try base.removePartials(of: owner, beyond: allowance)
    }
}
