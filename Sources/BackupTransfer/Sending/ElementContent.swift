import BackupModel
import BackupStorage
import NIOCore

/// The bytes of an element on their way to a peer.
enum ElementContent: Sendable {
    /// Short ones are read in one go: each turn on the pool costs more than the bytes.
    case whole(ByteBuffer)
    case reader(ElementReader)

    /// Opens an element for reading from `offset`. Blocking.
    ///
    /// - Parameter frame: what is no longer than so many bytes is read at once.
    init(_ storage: any ElementStorage, _ element: StoredElement, offset: Int64, frame: Int) throws(BackupError) {
        let reader = try ElementReader(storage, element, offset: offset)
        guard element.size - offset <= frame else {
            self = .reader(reader)
            return
        }
        defer { reader.close() }
        self = .whole(try reader.readAll())
    }

    func close() {
        if case .reader(let reader) = self { reader.close() }
    }
}
