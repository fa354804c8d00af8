package import BackupModel
package import NIOCore

/// What one side asks of the other.
package enum PeerRequest: Sendable, Equatable {
    /// The name of the sender policy; with a greeting, whether the peer speaks version 2.
    case getPolicyInfo(PeerGreeting?)
    /// Begins a round of version 1; `null` asks for everything.
    case startTransaction(query: JSONValue)
    /// Goes to the next element; `stored` says that the one that was current until now is held durably.
    case nextDataElement(stored: Bool)
    /// Asks for ``ElementInfoAnswer`` of the current element.
    case getDataElementInfo
    /// Asks for the bytes of the current element as a stream.
    case getDataElementStream
    /// Version 2. Asks for an ``ElementPage`` behind the cursor `after`, of at most `limit` elements.
    case listElements(after: String?, limit: Int)
    /// Version 2. Asks for an element's bytes from `offset` as a stream.
    case readElement(id: String, offset: Int64)
    /// Version 2. Says that elements are held durably. The answer is a ``ConfirmationAnswer``.
    case confirmElements([ElementConfirmation])
    /// Version 2. Asks for a sign of life.
    case ping

    /// Reads the payload of a request. List items and object keys that are not known are ignored.
    ///
    /// - Parameter version: of the server direction. The methods of version 2 are unknown in version 1.
    /// - Throws: `BackupError` with code `usage` for an unknown method, `untrusted` for anything else that is wrong.
    package init(parsing bytes: ByteBuffer, version: Int, limits: ProtocolLimits) throws(BackupError) {
        let request = MessageReader(message: "a request")
        let items = try request.list(try request.json(bytes, limits: limits, levels: 1))
        guard let method = items.first?.stringValue else { throw request.malformed("it begins with no method") }
        let reader = MessageReader(message: "the request \(method.escapedForMessage)")
        let argument = items.count > 1 ? items[1] : nil
        switch method {
        case "getPolicyInfo":
            guard let argument, !argument.isNull else {
                self = .getPolicyInfo(nil)
                return
            }
            self = .getPolicyInfo(try PeerGreeting(argument, reader))
        case "startTransaction":
            guard let argument else { throw reader.malformed("the query is missing") }
            self = .startTransaction(query: argument)
        case "nextDataElement": self = .nextDataElement(stored: try reader.bool(argument, "the argument"))
        case "getDataElementInfo": self = .getDataElementInfo
        case "getDataElementStream": self = .getDataElementStream
        case "listElements" where version >= 2:
            let object = try reader.object(argument, "the argument")
            let after = try reader.optionalText(object["after"], "after", .identifier(limits.idLength))
            let limit = try reader.integer(object["limit"], "limit", in: 1...Int64(Int32.max))
            self = .listElements(after: after, limit: Int(limit))
        case "readElement" where version >= 2:
            let object = try reader.object(argument, "the argument")
            self = .readElement(
                id: try reader.text(object["id"], "id", .identifier(limits.idLength)),
                offset: try reader.integer(object["offset"], "offset", in: 0...Int64.max))
        case "confirmElements" where version >= 2:
            var confirmations: [ElementConfirmation] = []
            for item in try reader.list(argument, "the argument") {
                confirmations.append(try ElementConfirmation(item, reader, limits))
            }
            self = .confirmElements(confirmations)
        case "ping" where version >= 2: self = .ping
        default: throw .unknownMethod(method, version: version)
        }
    }

    /// The payload of the request; for those of version 1 the very bytes that the original sends.
    ///
    /// What is too long for a frame is refused by ``ProtocolState/sendRequest(_:into:)``.
    package var encoded: ByteBuffer { JSONValue.array([.string(method)] + arguments).frame }

    /// The name of the method.
    package var method: String {
        switch self {
        case .getPolicyInfo: "getPolicyInfo"
        case .startTransaction: "startTransaction"
        case .nextDataElement: "nextDataElement"
        case .getDataElementInfo: "getDataElementInfo"
        case .getDataElementStream: "getDataElementStream"
        case .listElements: "listElements"
        case .readElement: "readElement"
        case .confirmElements: "confirmElements"
        case .ping: "ping"
        }
    }

    private var arguments: [JSONValue] {
        switch self {
        case .getPolicyInfo(let greeting): greeting.map { [$0.json] } ?? []
        case .startTransaction(let query): [query]
        case .nextDataElement(let stored): [.bool(stored)]
        case .listElements(let after, let limit): [.object(["after": JSONValue(after), "limit": .integer(limit)])]
        case .readElement(let id, let offset): [.object(["id": .string(id), "offset": .integer(offset)])]
        case .confirmElements(let confirmations): [.array(confirmations.map(\.json))]
        case .getDataElementInfo, .getDataElementStream, .ping: []
        }
    }
}
