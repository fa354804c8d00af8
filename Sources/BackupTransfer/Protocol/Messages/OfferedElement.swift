package import BackupModel

/// An element that the peer offers, as a listing of version 2 holds it.
package struct OfferedElement: Sendable, Equatable {
    /// How the peer names it: 1 to ``ProtocolLimits/idLength`` visible ASCII characters that mean nothing to us.
    package let id: String
    package let source: SourceURL
    package let metadata: ElementMetadata
    /// Bytes of its data, 0 or more.
    package let size: Int64
    package let attributes: JSONObject?

    package init(
        id: String, source: SourceURL, metadata: ElementMetadata, size: Int64, attributes: JSONObject? = nil
    ) {
        self.id = id
        self.source = source
        self.metadata = metadata
        self.size = size
        self.attributes = attributes
    }

    /// Reads an entry of a listing.
    ///
    /// - Throws: `BackupError` with code `untrusted`.
    package init(json: JSONValue, limits: ProtocolLimits = ProtocolLimits()) throws(BackupError) {
        let reader = MessageReader(message: "an element of a listing")
        let object = try reader.object(json)
        id = try reader.text(object["id"], "id", .identifier(limits.idLength))
        guard let url = object["source"]?.stringValue else { throw reader.malformed("source is no text") }
        let info = try reader.object(object["info"], "info")
        do throws(BackupError) {
            source = try SourceURL(url)
            metadata = try ElementMetadata(info)
        } catch {
            throw reader.malformed("the element \(id.escapedForMessage) cannot be used", cause: error)
        }
        size = try reader.integer(object["size"], "size", in: 0...Int64.max)
        attributes = try reader.optionalObject(object["attributes"], "attributes")
    }

    package var json: JSONValue {
        .object([
            "id": .string(id), "source": .string(source.description), "info": .object(metadata.object),
            "size": .integer(size), "attributes": JSONValue(attributes),
        ])
    }
}
