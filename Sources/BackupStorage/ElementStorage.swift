package import BackupModel
package import BackupSystem

/// Keeps backup data elements. An element is visible only when it is whole, and it never changes afterwards.
///
/// All calls block until the disk has done its part. Any number of threads and processes may use the same storage.
package protocol ElementStorage: Sendable {
    /// Opens a place for the bytes of a new element. Nothing is visible before ``ElementSink/commit(_:size:)``.
    func beginElement(source: SourceURL) throws(BackupError) -> any ElementSink

    /// The element `id`.
    ///
    /// - Throws: `notFound`; `damaged` when metadata or data cannot be used.
    func element(_ id: ElementID) throws(BackupError) -> StoredElement

    /// Calls `body` for each source that has elements, parents before children, by name.
    func forEachSource(
        matching pattern: SourcePattern?, _ body: (SourceURL) throws(BackupError) -> Void
    ) throws(BackupError)

    /// Calls `body` for each element of `source`, in the order of their names (up to 50,000; behind that, in runs).
    /// Memory does not grow with the number of elements.
    func forEachElement(
        of source: SourceURL, _ body: (ListedElement) throws(BackupError) -> Void
    ) throws(BackupError)

    /// Calls `body` for each element of each source, in the order of ``forEachSource(matching:_:)``: what lists everything
    /// uses this, as it reads a directory once that several sources share.
    func forEachElement(
        matching pattern: SourcePattern?, _ body: (SourceURL, ListedElement) throws(BackupError) -> Void
    ) throws(BackupError)

    /// The bytes of `.data`, for reading from the start.
    func openData(_ id: ElementID) throws(BackupError) -> OwnedDescriptor

    /// Where the bytes lie for whoever wants to read them without this program; `nil` for storages that are no directory.
    func localPath(of id: ElementID) -> String?

    /// The names of the facts kept beside an element, sorted.
    func attributes(of id: ElementID) throws(BackupError) -> [AttributeName]

    /// A fact kept beside an element; `nil` if it is not there.
    func attribute(_ name: AttributeName, of id: ElementID) throws(BackupError) -> [UInt8]?

    /// Keeps a fact beside an element, durable on return; `nil` removes it.
    ///
    /// - Throws: `notFound` when there is no such element.
    func setAttribute(_ name: AttributeName, of id: ElementID, to value: [UInt8]?) throws(BackupError)

    /// When this storage received the element: what its source says of the time does not count here.
    func arrivalTime(of id: ElementID) throws(BackupError) -> Timestamp?

    /// Removes an element: it vanishes as a whole, then its attributes and its bytes go.
    ///
    /// - Throws: `notFound`; `busy` when somebody is at work on it.
    func delete(_ id: ElementID) throws(BackupError)

    // MARK: - Many at once

    /// Stores many elements with as few syncs as the durability allows: all are durable on return.
    ///
    /// - Returns: The name of each, or why it was not stored, in the order of `pending`. One that cannot be stored does
    ///   not keep the others from it; of one that was not stored nothing is visible.
    func commit(_ pending: [PendingElement]) -> [Result<ElementID, BackupError>]

    /// Stores elements that were brought from elsewhere, as ``commit(_:)`` does; but one that somebody else (another
    /// connection, another process) has brought in the meantime is not stored twice.
    ///
    /// - Returns: In the order of `pending`. The partial file of one that was here already is gone.
    func settle(_ pending: [PendingElement]) -> [Result<SettledElement, BackupError>]

    /// The bytes of disk that new elements may take, with those that have come in part; some are left for the work of the
    /// storage itself. `nil` where that cannot be known.
    func room() throws(BackupError) -> Int64?

    /// Says that no more of them come for now: what ``settle(_:)`` keeps from call to call goes. Whoever forgets it leaves
    /// files that the next start removes.
    func endArrivals()

    /// Deletes many elements with few syncs, each as ``delete(_:)`` does.
    ///
    /// - Returns: In the order of `ids`: `notFound`, `busy` or what the disk says for those that are still there.
    func delete(_ ids: [ElementID]) -> [Result<Void, BackupError>]

    /// Sets one attribute of many elements with few syncs, each as ``setAttribute(_:of:to:)`` does; all are durable on
    /// return. An element that is named twice has the last of its values.
    ///
    /// - Returns: In the order of `values`.
    func setAttribute(_ name: AttributeName, to values: [(ElementID, [UInt8]?)]) -> [Result<Void, BackupError>]

    /// Changes one attribute of many elements by what it is, with few syncs; all are durable on return. Nobody else, of
    /// another process either, changes it between the look and the new value. An element must not be named twice.
    ///
    /// - Parameter change: gives the new value for the element of that number in `ids`.
    /// - Returns: In the order of `ids`; what `change` throws among it.
    func changeAttribute(
        _ name: AttributeName, of ids: [ElementID], _ change: @escaping AttributeChange
    ) -> [Result<Void, BackupError>]

    /// The file that grows over several connections and becomes an element's data; found again by `key`, after a crash
    /// too.
    ///
    /// - Throws: `busy` while somebody else (a process or another connection) holds it.
    func openPartial(_ key: PartialKey) throws(BackupError) -> PartialFile

    /// Removes partial files that nobody holds and that were changed last before `date`.
    ///
    /// - Returns: How many.
    func removePartials(before date: Timestamp) throws(BackupError) -> Int

    /// Removes partial files of one owner, as their notes name it, that nobody holds, the oldest first, until the others
    /// are within what is allowed.
    ///
    /// - Returns: How many.
    func removePartials(of owner: String, beyond allowance: PartialAllowance) throws(BackupError) -> Int

    // MARK: - What a transfer asks

    /// Calls `body` for each element of each source that matches, source by source in the order of
    /// ``forEachSource(matching:_:)``, those of one source in the order of their chain, oldest first (what no chain
    /// connects in order of time). Elements that cannot be read are passed over.
    ///
    /// Memory: about 60 bytes for each element of one source.
    func forEachElementInChainOrder(
        matching pattern: SourcePattern?, _ body: (StoredElement) throws(BackupError) -> Void
    ) throws(BackupError)

    /// The UUIDs of the source's elements. A snapshot, which the caller keeps up to date. Elements that cannot be read or
    /// have no UUID are not in it.
    ///
    /// Memory: about 50 bytes an element.
    func uuidIndex(of source: SourceURL) throws(BackupError) -> ElementUUIDIndex
}

extension ElementStorage {
    package func forEachElement(
        matching pattern: SourcePattern?, _ body: (SourceURL, ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        try forEachSource(matching: pattern) { source throws(BackupError) in
            try forEachElement(of: source) { listed throws(BackupError) in try body(source, listed) }
        }
    }

    /// All elements of `source` that can be used, in the order of their names, and the damaged ones.
    package func elements(
        of source: SourceURL
    ) throws(BackupError) -> (usable: [StoredElement], damaged: [(ElementID, BackupError)]) {
        var usable: [StoredElement] = []
        var damaged: [(ElementID, BackupError)] = []
        try forEachElement(of: source) { listed throws(BackupError) in
            switch listed {
            case .element(let element): usable.append(element)
            case .damaged(let id, let error): damaged.append((id, error))
            }
        }
        return (usable, damaged)
    }

    /// Whether an element of `source` with this UUID is there.
    package func contains(_ uuid: ElementUUID, of source: SourceURL) throws(BackupError) -> Bool {
        var found = false
        try forEachElement(of: source) { listed throws(BackupError) in
            if case .element(let element) = listed, element.metadata.uuid == uuid { found = true }
        }
        return found
    }
}

/// A place for the bytes of one new element.
package protocol ElementSink: Sendable {
    /// Where the bytes go.
    var descriptor: OwnedDescriptor { get }

    /// Makes the element visible, as durable as the storage is configured to be.
    ///
    /// - Parameters:
    ///   - metadata: is written as it is.
    ///   - size: the number of bytes that were written; another size on disk is a failure.
    /// - Returns: The name it got.
    /// - Throws: `BackupError`; nothing is visible then.
    func commit(_ metadata: ElementMetadata, size: Int64) throws(BackupError) -> ElementID

    /// Gives the place up. Does nothing after a commit.
    func discard()
}

/// Makes the new value of an attribute out of the old one, which is `nil` where there is none. The number says of which element.
package typealias AttributeChange = (Int, [UInt8]?) throws(BackupError) -> [UInt8]
