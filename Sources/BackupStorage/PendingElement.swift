package import BackupModel

/// A new element, whole but for being stored.
package struct PendingElement: Sendable {
    /// Where its bytes are.
    package enum Content: Sendable {
        /// In memory: for elements of some hundred KiB at most.
        case bytes([UInt8])
        /// In a partial file of the storage that will hold the element. Becomes the element's data as it is, without being
        /// copied; the partial file is closed and gone after a success, and as it was after a failure.
        case partial(PartialFile)
    }

    package let source: SourceURL
    /// Is written as it is. Whether it describes the content is for the caller to check.
    package let metadata: ElementMetadata
    package let content: Content

    package init(source: SourceURL, metadata: ElementMetadata, content: Content) {
        self.source = source
        self.metadata = metadata
        self.content = content
    }
}
