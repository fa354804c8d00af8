import BackupModel
import BackupTransfer
import NIOCore
import Testing

/// A message in the form in which we write it, and what reading and writing it again gives.
struct MessageSample: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    /// Reads a payload as this kind of message, and writes what was read.
    let rewrite: @Sendable (ByteBuffer) throws(BackupError) -> ByteBuffer

    var testDescription: String { name }

    init(
        _ name: String, _ text: String,
        _ rewrite: @Sendable @escaping (ByteBuffer) throws(BackupError) -> ByteBuffer
    ) {
        self.name = name
        self.text = text
        self.rewrite = rewrite
    }

    /// A request of version 2.
    private init(request text: String) {
        self.init(text.split(separator: "\"").dropFirst().first.map(String.init) ?? text, text) {
            payload throws(BackupError) in
            try PeerRequest(parsing: payload, version: 2, limits: ProtocolLimits()).encoded
        }
    }

    static let digest = Base64.encode((0..<64).map { UInt8($0) })

    static let info =
        #"{"BackupType": "inc", "DataUuid": "AAEC", "HandlingPolicy": ["default"], "Later": [1.50], "Predecessor": "AAED", "#
        + #""StorageFileChecksumSha512": "\#(digest)", "Timestamp": 1795220058}"#

    static func entry(_ id: String) -> String {
        #"{"attributes": null, "id": "\#(id)", "info": \#(info), "size": 4096, "source": "/host1/var/log/syslog"}"#
    }

    static let receipt =
        #"{"DataUuid": "AAEC", "Holder": "offsite", "Sha512": "\#(digest)", "Signature": "iQEz", "Size": 4096, "#
        + #""SyncedAt": 1795220099}"#

    static let all = [
        MessageSample(request: #"["getPolicyInfo"]"#),
        MessageSample(request: #"["startTransaction", null]"#),
        MessageSample(request: #"["startTransaction", {"Sources": ["/a", 1e3]}]"#),
        MessageSample(request: #"["nextDataElement", true]"#),
        MessageSample(request: #"["getDataElementInfo"]"#),
        MessageSample(request: #"["getDataElementStream"]"#),
        MessageSample(
            request: #"["getPolicyInfo", {"agent": "web-1.a_b", "features": ["a", "b"], "protocol": 2, "#
                + #""software": "gb 1.0"}]"#),
        MessageSample(request: #"["listElements", {"after": null, "limit": 1000}]"#),
        MessageSample(request: #"["listElements", {"after": "/a/20261121001418-a-full", "limit": 1}]"#),
        MessageSample(request: #"["readElement", {"id": "/a/20261121001418-a-full", "offset": 9223372036854775807}]"#),
        MessageSample(request: #"["confirmElements", []]"#),
        MessageSample(
            request: #"["confirmElements", [{"id": "/a", "receipt": null, "sha512": "\#(digest)"}, "#
                + #"{"id": "/b", "receipt": \#(receipt), "sha512": "\#(digest)"}]]"#),
        MessageSample(request: #"["ping"]"#),
        MessageSample("policy of version 1", #""SenderMoveDataTransferPolicy""#, policy),
        MessageSample("no policy of version 1", "null", policy),
        MessageSample(
            "policy of version 2",
            #"{"agent": "offsite", "features": ["x"], "policy": {"copies": 3, "name": "copies"}, "protocol": 2, "#
                + #""software": "gb"}"#, policy),
        MessageSample(
            "no policy of version 2",
            #"{"agent": null, "features": [], "policy": null, "protocol": 2, "software": null}"#, policy),
        MessageSample("next element", "false") { payload throws(BackupError) in
            try NextElementAnswer(parsing: payload).encoded
        },
        MessageSample(
            "element", JSONValue.array([.string("/big/blob"), .string(info), .null]).canonicalText, elementInfo),
        MessageSample("no element", "null", elementInfo),
        MessageSample("page", #"{"elements": [\#(entry("/a")), \#(entry("/b"))], "next": "/b"}"#, page),
        MessageSample("last page", #"{"elements": [], "next": null}"#, page),
        MessageSample("confirmation", #"{"kept": ["/b"], "released": ["/a", "/c"]}"#) { payload throws(BackupError) in
            try ConfirmationAnswer(parsing: payload).encoded
        },
        MessageSample("receipt", receipt) { payload throws(BackupError) in
            ByteBuffer(string: try Receipt(json: try JSONParser.parse(payload.bytes)).json.canonicalText)
        },
        MessageSample("failure", #"{"code": "not_found", "message": "there is no \"x\""}"#) {
            payload throws(BackupError) in try RemoteFailure(parsing: payload).encoded
        },
    ]

    static func named(_ name: String) -> [MessageSample] { all.filter { $0.name == name } }

    private static let policy: @Sendable (ByteBuffer) throws(BackupError) -> ByteBuffer = {
        payload throws(BackupError) in try PolicyAnswer(parsing: payload).encoded
    }

    private static let elementInfo: @Sendable (ByteBuffer) throws(BackupError) -> ByteBuffer = {
        payload throws(BackupError) in
        try ElementInfoAnswer(parsing: payload)?.encoded() ?? ElementInfoAnswer.none
    }

    private static let page: @Sendable (ByteBuffer) throws(BackupError) -> ByteBuffer = {
        payload throws(BackupError) in
        let page = try ElementPage(parsing: payload)
        var builder = ElementPage.Builder(limit: 1000)
        for case .offered(let element) in page.elements where !builder.add(element) { break }
        return builder.encoded(next: page.next)
    }
}

extension JSONValue {
    /// All places in this value, as paths of keys and indices; the first is the value itself.
    var places: [[String]] {
        switch self {
        case .array(let items):
            [[]] + items.enumerated().flatMap { index, item in item.places.map { ["\(index)"] + $0 } }
        case .object(let object):
            [[]] + object.members.sorted { $0.key < $1.key }.flatMap { key, value in value.places.map { [key] + $0 } }
        default: [[]]
        }
    }

    /// This value with another one at a place; `nil` there removes what stands in an object.
    func replacing(_ place: some Collection<String>, by value: JSONValue?) -> JSONValue {
        guard let step = place.first else { return value ?? .null }
        let rest = place.dropFirst()
        switch self {
        case .array(var items):
            guard let index = Int(step), items.indices.contains(index) else { return self }
            items[index] = items[index].replacing(rest, by: value)
            return .array(items)
        case .object(var object):
            object[step] = rest.isEmpty ? value : object[step]?.replacing(rest, by: value)
            return .object(object)
        default: return self
        }
    }
}
