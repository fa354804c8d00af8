import BackupModel
import BackupSystem

/// A peer as the original toolkit is, in both of its roles: blocking, of version 1, and strict. Whatever an original would
/// not take ends the connection and is told by ``Ending/violated(_:)``.
struct OriginalPeer: Sendable {
    struct Element: Sendable, Hashable {
        let source: String
        /// The text of the `.info` file.
        let info: String
        let data: [UInt8]

        /// As ``ElementStorage/contents()`` names it.
        var name: String { "\(source) \(info)" }
    }

    enum Ending: Equatable {
        /// Both sides were done.
        case agreed
        /// The budget was used up, or the other side hung up.
        case cut
        case violated(String)
    }

    /// What it offers, in the order in which it does; `nil` when it does not send.
    var offers: [Element]?
    /// What it holds; `nil` when it does not fetch.
    var held: [Element]?
    /// Elements that were let go after the other side confirmed them.
    private(set) var released: [Element] = []

    private var isInTransaction = false
    private var hasCurrent = false
    private var known: Set<String> = []

    init(offers: [Element]? = nil, held: [Element]? = nil) {
        self.offers = offers
        self.held = held
    }

    /// Carries one connection to its end.
    ///
    /// - Parameter budget: bytes, in both directions together, after which it hangs up.
    mutating func run(over peer: RawPeer, budget: Int? = nil) -> Ending {
        (isInTransaction, hasCurrent) = (false, false)
        known = Set((held ?? []).map(\.name))
        var line = OriginalLine(peer, budget: budget)
        defer { peer.close() }
        do throws(OriginalLine.Stop) {
            try converse(&line)
            return .agreed
        } catch {
            switch error {
            case .cut: return .cut
            case .violation(let text): return .violated(text)
            }
        }
    }

    // MARK: - The conversation

    /// What its own request waits for.
    private enum Awaited { case policy, transaction, element, info, stream, shutdown, nothing }

    private mutating func converse(_ line: inout OriginalLine) throws(OriginalLine.Stop) {
        var awaited = Awaited.policy
        var info: (source: String, info: String) = ("", "")
        var stream: [UInt8] = []
        var peerIsDone = false
        try line.send("S", #"["getPolicyInfo"]"#)
        while awaited != .nothing || !peerIsDone {
            let frame = try line.next()
            switch frame.type {
            case "S":
                guard !peerIsDone else { throw .violation("a request after the shutdown offer: \(frame.text)") }
                if frame.payload.isEmpty {
                    peerIsDone = true
                    try line.send("R")
                } else {
                    try serve(frame, &line)
                }
            case "P":
                guard awaited == .stream else { throw .violation("a P where none is awaited") }
                stream += frame.payload
            case "R":
                switch awaited {
                case .policy: awaited = try policy(frame, &line)
                case .transaction:
                    try Self.expectEmpty(frame, "startTransaction")
                    awaited = try ask("[\"nextDataElement\", true]", .element, &line)
                case .element:
                    switch try Self.json(frame) {
                    case .bool(true): awaited = try ask("[\"getDataElementInfo\"]", .info, &line)
                    case .bool(false): awaited = try ask("", .shutdown, &line)
                    default: throw .violation("an answer to nextDataElement that is no bool: \(frame.text)")
                    }
                case .info:
                    info = try Self.info(frame)
                    guard !known.contains("\(info.source) \(info.info)") else {
                        awaited = try ask("[\"nextDataElement\", true]", .element, &line)
                        continue
                    }
                    stream = []
                    awaited = try ask("[\"getDataElementStream\"]", .stream, &line)
                case .stream:
                    try Self.expectEmpty(frame, "getDataElementStream")
                    guard !stream.isEmpty else { throw .violation("an element of zero bytes: \(info)") }
                    let element = Element(source: info.source, info: info.info, data: stream)
                    known.insert(element.name)
                    held?.append(element)
                    awaited = try ask("[\"nextDataElement\", true]", .element, &line)
                case .shutdown:
                    try Self.expectEmpty(frame, "the shutdown offer")
                    awaited = .nothing
                case .nothing: throw .violation("an R where nothing was asked")
                }
            default: throw .violation("a frame of the type \(frame.type)")
            }
        }
    }

    private func ask(
        _ request: String, _ next: Awaited, _ line: inout OriginalLine
    ) throws(OriginalLine.Stop) -> Awaited {
        try line.send("S", request)
        return next
    }

    private func policy(_ frame: RawFrame, _ line: inout OriginalLine) throws(OriginalLine.Stop) -> Awaited {
        switch try Self.json(frame) {
        case .null: return try ask("", .shutdown, &line)
        case .string("SenderMoveDataTransferPolicy"):
            guard held != nil else { return try ask("", .shutdown, &line) }
            return try ask("[\"startTransaction\", null]", .transaction, &line)
        default: throw .violation("a policy that no original knows: \(frame.text)")
        }
    }

    private static func expectEmpty(_ frame: RawFrame, _ what: String) throws(OriginalLine.Stop) {
        guard frame.payload.isEmpty else { throw .violation("an answer to \(what) that is not empty: \(frame.text)") }
    }

    private static func json(_ frame: RawFrame) throws(OriginalLine.Stop) -> JSONValue {
        guard frame.payload.allSatisfy({ $0 < 0x80 }) else { throw .violation("bytes that are no ASCII") }
        do throws(BackupError) { return try JSONParser.parse(frame.payload) } catch {
            throw .violation("a frame that is no JSON: \(frame.text)")
        }
    }

    private static func info(_ frame: RawFrame) throws(OriginalLine.Stop) -> (source: String, info: String) {
        guard let items = try json(frame).arrayValue, items.count == 3, let source = items[0].stringValue,
            let text = items[1].stringValue, items[2].isNull || items[2].objectValue != nil,
            let object = (try? JSONParser.parse(text))?.objectValue
        else { throw .violation("an answer to getDataElementInfo in another form: \(frame.text)") }
        guard object["BackupType"]?.stringValue != nil, object["Timestamp"]?.integerValue != nil, source.first == "/"
        else { throw .violation("an element without type, time or source: \(frame.text)") }
        return (source, text)
    }

    // MARK: - Serving

    private mutating func serve(_ frame: RawFrame, _ line: inout OriginalLine) throws(OriginalLine.Stop) {
        guard let items = try Self.json(frame).arrayValue, let method = items.first?.stringValue else {
            throw .violation("a request that is no list: \(frame.text)")
        }
        try line.expectNoRequestWaits()
        switch method {
        case "getPolicyInfo": try line.send("R", offers == nil ? "null" : "\"SenderMoveDataTransferPolicy\"")
        case "startTransaction" where items.count > 1 && offers != nil:
            (isInTransaction, hasCurrent) = (true, false)
            pending = offers ?? []
            try line.send("R")
        case "nextDataElement" where isInTransaction:
            guard items.count > 1, let isStored = items[1].boolValue else {
                throw .violation("nextDataElement without a bool")
            }
            try advance(isStored)
            try line.send("R", hasCurrent ? "true" : "false")
        case "getDataElementInfo" where isInTransaction:
            guard hasCurrent, let element = pending.first else { return try line.send("R", "null") }
            let answer = JSONValue.array([.string(element.source), .string(element.info), .null])
            try line.send("R", answer.canonicalText)
        case "getDataElementStream" where hasCurrent:
            guard let data = pending.first?.data, !data.isEmpty else { throw .violation("it crashes") }
            for start in stride(from: 0, to: data.count, by: 65536) {
                try line.send(RawFrame.bytes("P", Array(data[start..<min(start + 65536, data.count)])))
            }
            try line.send("R")
        default: throw .violation("a request that an original refuses: \(frame.text)")
        }
    }

    /// The current element, and those behind it.
    private var pending: [Element] = []

    private mutating func advance(_ isStored: Bool) throws(OriginalLine.Stop) {
        if hasCurrent {
            let element = pending.removeFirst()
            if isStored {
                released.append(element)
                offers?.removeAll { $0 == element }
            }
        }
        hasCurrent = !pending.isEmpty
    }
}
