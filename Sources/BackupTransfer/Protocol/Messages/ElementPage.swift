package import BackupModel
package import NIOCore

/// One page of a listing: the answer to `listElements`.
package struct ElementPage: Sendable {
    /// What stands in one place of a page.
    package enum Entry: Sendable {
        case offered(OfferedElement)
        /// An element that cannot be used, and why. The others of the page can. `id` is `nil` when that is wrong too.
        case refused(id: String?, BackupError)
    }

    /// In the order of the peer, at most ``ProtocolLimits/elementsPerPage``.
    package let elements: [Entry]
    /// What to ask for next; `nil` behind the last page.
    package let next: String?

    /// Reads a page. An element in it that cannot be used does not spoil the others.
    ///
    /// - Throws: `BackupError` with code `untrusted` when the page as a whole is wrong.
    package init(parsing bytes: ByteBuffer, limits: ProtocolLimits = ProtocolLimits()) throws(BackupError) {
        let reader = MessageReader(message: "the answer to listElements")
        let object = try reader.object(try reader.json(bytes, limits: limits, levels: 3))
        let items = try reader.list(object["elements"], "elements")
        guard items.count <= limits.elementsPerPage else {
            throw reader.malformed("it has \(items.count) elements, and \(limits.elementsPerPage) is the most")
        }
        next = try reader.optionalText(object["next"], "next", .identifier(limits.idLength))
        elements = items.map { item in
            do throws(BackupError) { return .offered(try OfferedElement(json: item, limits: limits)) } catch {
                let id = item.objectValue?["id"]?.stringValue
                return .refused(id: id.flatMap { TextForm.identifier(limits.idLength).accepts($0) ? $0 : nil }, error)
            }
        }
    }

    /// Makes the payload of a page, element by element.
    package struct Builder: Sendable {
        /// Elements that are in the page.
        package private(set) var count = 0
        /// Elements that no page can hold, and why: their metadata are too long for a frame.
        package private(set) var passedOver: [(id: String, error: BackupError)] = []

        private let limits: ProtocolLimits
        private let most: Int
        private var bytes = ByteBuffer(string: "{\"elements\": [")

        /// - Parameter limit: what the client asked for; ``ProtocolLimits/elementsPerPage`` bounds it.
        package init(limit: Int, limits: ProtocolLimits = ProtocolLimits()) {
            self.limits = limits
            most = max(1, min(limit, limits.elementsPerPage))
        }

        /// Takes one more element into the page; `false` when the page is full and must be sent first.
        ///
        /// An element that no page can hold is noted in ``passedOver``, and the result is `true`.
        package mutating func add(_ element: OfferedElement) -> Bool {
            guard count < most else { return false }
            let entry = element.json.frame
            // What follows the elements: the cursor, and some bytes around it.
            let room = limits.frameLength - limits.idLength - 32
            guard bytes.readableBytes + entry.readableBytes <= (count == 0 ? room : min(room, limits.pageSize)) else {
                guard count == 0 else { return false }
                let error = BackupError.messageTooLong(
                    "the description of the element \(element.id.escapedForMessage)", entry.readableBytes, limit: room)
                passedOver.append((element.id, error))
                return true
            }
            if count > 0 { bytes.writeString(", ") }
            bytes.writeImmutableBuffer(entry)
            count += 1
            return true
        }

        /// The payload of the page.
        ///
        /// - Parameter next: the cursor behind the last element that was added or passed over; `nil` when nothing follows.
        package func encoded(next: String?) -> ByteBuffer {
            var result = bytes
            result.writeString("], \"next\": \(JSONValue(next).canonicalText)}")
            return result
        }
    }
}
