package import BackupModel
package import BackupStorage
import BackupSystem

extension ElementStorage {
    /// Stores one element with these bytes, as a generator does.
    ///
    /// - Parameters:
    ///   - predecessor: the element before it in the chain of its source.
    ///   - pipeline: the stages that the bytes have gone through, if the element is to say so.
    @discardableResult
    package func store(
        _ source: SourceURL, _ type: BackupType = .full, at timestamp: Timestamp = Timestamp(1_795_220_058),
        data: [UInt8] = Array("some bytes".utf8), after predecessor: StoredElement? = nil,
        pipeline: [StageRecord] = []
    ) throws(BackupError) -> StoredElement {
        let metadata = makeMetadata(
            type, at: timestamp, data: data, predecessor: predecessor?.metadata.uuid, pipeline: pipeline,
            source: source)
        return try store(source, metadata, data: data)
    }

    /// Stores one element with these bytes and exactly this metadata.
    @discardableResult
    package func store(
        _ source: SourceURL, _ metadata: ElementMetadata, data: [UInt8]
    ) throws(BackupError) -> StoredElement {
        let sink = try beginElement(source: source)
        defer { sink.discard() }
        try sink.descriptor.write(data)
        let id = try sink.commit(metadata, size: Int64(data.count))
        return StoredElement(id: id, metadata: metadata, size: Int64(data.count))
    }

    /// All sources that have elements, in the order of the listing.
    package func sources(matching pattern: SourcePattern? = nil) throws(BackupError) -> [SourceURL] {
        var sources: [SourceURL] = []
        try forEachSource(matching: pattern) { sources.append($0) }
        return sources
    }

    /// The bytes of `.data`, 64 MiB at most.
    package func data(_ id: ElementID) throws(BackupError) -> [UInt8] { try openData(id).readAll(limit: 64 << 20) }
}
