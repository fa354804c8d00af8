package import BackupModel

/// An element as a storage holds it.
package struct StoredElement: Sendable {
    package let id: ElementID
    package let metadata: ElementMetadata
    /// Bytes of the `.data` file.
    package let size: Int64

    package init(id: ElementID, metadata: ElementMetadata, size: Int64) {
        self.id = id
        self.metadata = metadata
        self.size = size
    }
}

/// What a listing meets: an element, or something that ought to be one.
package enum ListedElement: Sendable {
    case element(StoredElement)
    /// An element whose metadata or data cannot be used; the listing goes on after it.
    case damaged(ElementID, BackupError)
}
