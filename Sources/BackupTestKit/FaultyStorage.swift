package import BackupModel
package import BackupStorage
package import BackupSystem
import Synchronization

/// Any storage, but the n-th call fails. Calls of its sinks count too, those of its partial files do not;
/// `discard` and `localPath` never fail and do not count.
package final class FaultyStorage: ElementStorage {
    private let storage: any ElementStorage
    private let counter: CallCounter

    /// - Parameters:
    ///   - failingCall: the number, from 1, of the call that throws `error` and does nothing else.
    ///   - lasting: let all calls after it fail too, as a full disk does.
    package init(_ storage: any ElementStorage, failingCall: Int, with error: BackupError, lasting: Bool = false) {
        self.storage = storage
        counter = CallCounter(failingCall, error, lasting)
    }

    /// Calls so far.
    package var calls: Int { counter.calls }

    package func beginElement(source: SourceURL) throws(BackupError) -> any ElementSink {
        try counter.count()
        return FaultySink(sink: try storage.beginElement(source: source), counter: counter)
    }

    package func element(_ id: ElementID) throws(BackupError) -> StoredElement {
        try counter.count()
        return try storage.element(id)
    }

    package func forEachSource(
        matching pattern: SourcePattern?, _ body: (SourceURL) throws(BackupError) -> Void
    ) throws(BackupError) {
        try counter.count()
        try storage.forEachSource(matching: pattern, body)
    }

    package func forEachElement(
        of source: SourceURL, _ body: (ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        try counter.count()
        try storage.forEachElement(of: source, body)
    }

    package func forEachElement(
        matching pattern: SourcePattern?, _ body: (SourceURL, ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        try counter.count()
        try storage.forEachElement(matching: pattern, body)
    }

    package func openData(_ id: ElementID) throws(BackupError) -> OwnedDescriptor {
        try counter.count()
        return try storage.openData(id)
    }

    package func localPath(of id: ElementID) -> String? { storage.localPath(of: id) }

    package func attributes(of id: ElementID) throws(BackupError) -> [AttributeName] {
        try counter.count()
        return try storage.attributes(of: id)
    }

    package func arrivalTime(of id: ElementID) throws(BackupError) -> Timestamp? {
        try counter.count()
        return try storage.arrivalTime(of: id)
    }

    package func attribute(_ name: AttributeName, of id: ElementID) throws(BackupError) -> [UInt8]? {
        try counter.count()
        return try storage.attribute(name, of: id)
    }

    package func setAttribute(_ name: AttributeName, of id: ElementID, to value: [UInt8]?) throws(BackupError) {
        try counter.count()
        try storage.setAttribute(name, of: id, to: value)
    }

    package func delete(_ id: ElementID) throws(BackupError) {
        try counter.count()
        try storage.delete(id)
    }

    package func commit(_ pending: [PendingElement]) -> [Result<ElementID, BackupError>] {
        failure(pending.count) ?? storage.commit(pending)
    }

    package func delete(_ ids: [ElementID]) -> [Result<Void, BackupError>] {
        failure(ids.count) ?? storage.delete(ids)
    }

    package func setAttribute(
        _ name: AttributeName, to values: [(ElementID, [UInt8]?)]
    ) -> [Result<Void, BackupError>] {
        failure(values.count) ?? storage.setAttribute(name, to: values)
    }

    package func changeAttribute(
        _ name: AttributeName, of ids: [ElementID], _ change: @escaping AttributeChange
    ) -> [Result<Void, BackupError>] {
        failure(ids.count) ?? storage.changeAttribute(name, of: ids, change)
    }

    /// A call for many counts once, and fails for all of them.
    private func failure<Value>(_ count: Int) -> [Result<Value, BackupError>]? {
        do throws(BackupError) {
            try counter.count()
            return nil
        } catch {
            return Array(repeating: .failure(error), count: count)
        }
    }

    package func openPartial(_ key: PartialKey) throws(BackupError) -> PartialFile {
        try counter.count()
        return try storage.openPartial(key)
    }

    package func room() throws(BackupError) -> Int64? { try storage.room() }

    package func endArrivals() { storage.endArrivals() }

    package func removePartials(before date: Timestamp) throws(BackupError) -> Int {
        try counter.count()
        return try storage.removePartials(before: date)
    }

    package func removePartials(of owner: String, beyond allowance: PartialAllowance) throws(BackupError) -> Int {
        try counter.count()
        return try storage.removePartials(of: owner, beyond: allowance)
    }

    package func forEachElementInChainOrder(
        matching pattern: SourcePattern?, _ body: (StoredElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        try counter.count()
        try storage.forEachElementInChainOrder(matching: pattern, body)
    }

    package func uuidIndex(of source: SourceURL) throws(BackupError) -> ElementUUIDIndex {
        try counter.count()
        return try storage.uuidIndex(of: source)
    }
}

private struct FaultySink: ElementSink {
    let sink: any ElementSink
    let counter: CallCounter

    var descriptor: OwnedDescriptor { sink.descriptor }

    func commit(_ metadata: ElementMetadata, size: Int64) throws(BackupError) -> ElementID {
        try counter.count()
        return try sink.commit(metadata, size: size)
    }

    func discard() { sink.discard() }
}

private final class CallCounter: Sendable {
    private let failingCall: Int
    private let error: BackupError
    private let lasting: Bool
    private let number = Atomic<Int>(0)

    init(_ failingCall: Int, _ error: BackupError, _ lasting: Bool) {
        self.failingCall = failingCall
        self.error = error
        self.lasting = lasting
    }

    var calls: Int { number.load(ordering: .relaxed) }

    func count() throws(BackupError) {
        let call = number.add(1, ordering: .relaxed).newValue
        if call == failingCall || (lasting && call > failingCall) { throw error }
    }
}
