package import BackupModel
package import NIOCore

/// The answer to `getDataElementInfo` of version 1: what the current element is.
package struct ElementInfoAnswer: Sendable, Equatable {
    package let source: SourceURL
    package let metadata: ElementMetadata
    package let attributes: JSONObject?

    /// The payload that says that there is no current element.
    package static var none: ByteBuffer { JSONValue.null.frame }

    package init(source: SourceURL, metadata: ElementMetadata, attributes: JSONObject? = nil) {
        self.source = source
        self.metadata = metadata
        self.attributes = attributes
    }

    /// Reads the answer; `nil` when there is no current element.
    ///
    /// - Throws: `BackupError` with code `untrusted`.
    package init?(parsing bytes: ByteBuffer, limits: ProtocolLimits = ProtocolLimits()) throws(BackupError) {
        let reader = MessageReader(message: "the answer to getDataElementInfo")
        let value = try reader.json(bytes, limits: limits, levels: 1)
        if value.isNull { return nil }
        let items = try reader.list(value)
        guard items.count >= 3, let url = items[0].stringValue, let info = items[1].stringValue else {
            throw reader.malformed("it is no list of source URL, metadata as text, and attributes")
        }
        do throws(BackupError) {
            source = try SourceURL(url)
            metadata = try ElementMetadata(parsing: Array(info.utf8))
        } catch {
            throw reader.malformed("the element cannot be used", cause: error)
        }
        attributes = try reader.optionalObject(items[2], "the third item")
    }

    /// The payload of the answer; the metadata in it are the exact text of the `.info` file.
    ///
    /// - Throws: `BackupError` with code `failed` when that is too long for a frame.
    package func encoded(limits: ProtocolLimits = ProtocolLimits()) throws(BackupError) -> ByteBuffer {
        let value = JSONValue.array([.string(source.description), .string(metadata.text), JSONValue(attributes)])
        let frame = value.frame
        guard frame.readableBytes <= limits.frameLength else {
            throw .messageTooLong(
                "the description of an element of \(source)", frame.readableBytes, limit: limits.frameLength)
        }
        return frame
    }
}

/// The answer to `nextDataElement` of version 1: whether there is a current element now.
package struct NextElementAnswer: Sendable, Equatable {
    package let hasElement: Bool

    package init(hasElement: Bool) { self.hasElement = hasElement }

    /// - Throws: `BackupError` with code `untrusted`.
    package init(parsing bytes: ByteBuffer, limits: ProtocolLimits = ProtocolLimits()) throws(BackupError) {
        let reader = MessageReader(message: "the answer to nextDataElement")
        hasElement = try reader.bool(try reader.json(bytes, limits: limits))
    }

    package var encoded: ByteBuffer { JSONValue.bool(hasElement).frame }
}
