import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer

/// A server of version 2 that offers what a test says, and answers reads as a test says.
struct HostileSender: Sendable {
    /// The elements of the one page, as JSON; ``entry(_:source:info:size:)`` makes one.
    var entries: [String] = []
    /// The bytes that answer a read: whole frames. By default an `E`.
    var answerRead: @Sendable (_ id: String, _ offset: Int64) -> [UInt8]? = { _, _ in Self.failure }
    /// The answer to `confirmElements`.
    var answerConfirmation: [UInt8] = RawFrame.bytes("R", #"{"released": [], "kept": []}"#)

    static let policy = RawFrame.bytes(
        "R",
        #"{"protocol": 2, "policy": {"name": "move"}, "features": ["listing", "ping"], "agent": null, "software": "x"}"#
    )
    static let failure = RawFrame.bytes("E", #"{"code": "internal", "message": "no"}"#)

    static func entry(_ id: String, source: String, info: String, size: String) -> String {
        #"{"id": "\#(id)", "source": "\#(source)", "info": \#(info), "size": \#(size), "attributes": null}"#
    }

    /// A good element under this ID.
    static func entry(
        _ id: String, _ source: String, _ data: [UInt8], size: Int? = nil, uuid: ElementUUID? = nil
    ) -> String {
        let metadata = makeMetadata(data: data, uuid: uuid, source: try? SourceURL(source))
        return entry(id, source: source, info: metadata.text, size: "\(size ?? data.count)")
    }

    static func stream(_ data: [UInt8]) -> [UInt8] { RawFrame.bytes("P", data) + RawFrame.bytes("R") }

    /// Serves until the other side hangs up. Returns the IDs that were confirmed to it.
    func serve(_ peer: RawPeer) throws(BackupError) -> [String] {
        var confirmed: [String] = []
        try peer.serve { method, request throws(BackupError) in
            let argument = request.arrayValue?.last
            switch method {
            case "getPolicyInfo": return Self.policy
            case "listElements":
                return RawFrame.bytes("R", #"{"elements": [\#(entries.joined(separator: ", "))], "next": null}"#)
            case "readElement":
                let object = argument?.objectValue
                return answerRead(object?["id"]?.stringValue ?? "", object?["offset"]?.integerValue ?? 0)
            case "confirmElements":
                confirmed += (argument?.arrayValue ?? []).compactMap { $0.objectValue?["id"]?.stringValue }
                return answerConfirmation
            default: return RawFrame.bytes("R")
            }
        }
        return confirmed
    }
}
