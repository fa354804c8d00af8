package import BackupModel
import Glibc
import NIOCore

/// The wording of the refusals of this module that are not about the protocol itself (those are in `ProtocolErrors`).
extension BackupError {
    // MARK: Connections

    static func agentName(_ text: String) -> BackupError {
        BackupError(
            .invalidValue, "\"\(text.escapedForMessage)\" cannot be the name of an agent",
            remedy: "use 1 to 64 of A-Z a-z 0-9 - _ . and no . at the beginning")
    }

    static func cannotConnect(_ path: String, _ cause: any Error) -> BackupError {
        BackupError(
            .busy, "cannot connect to \(path.escapedForMessage)",
            remedy: "check that the service is running there, and that this user may open the socket",
            cause: plain(cause))
    }

    /// What the system says, without the names of calls.
    private static func plain(_ error: any Error) -> any Error {
        guard let error = error as? IOError else { return error }
        return BackupError(.inputOutput, String(cString: strerror(error.errnoCode)))
    }

    static func cannotUsePipes(_ cause: any Error) -> BackupError {
        BackupError(
            .usage, "standard input and output are no pipes or sockets that the protocol can run over",
            remedy: "use --stdio behind ssh, socat or another program that connects both to a stream", cause: cause)
    }

    static func cannotListen(_ path: String, _ cause: any Error) -> BackupError {
        BackupError(
            (cause as? BackupError)?.code ?? .failed, "cannot listen on \(path.escapedForMessage)",
            remedy: "check that its directory exists and is writable for this user", cause: cause)
    }

    /// - Parameter kind: what the descriptor is.
    static func noPipe(_ name: String, _ kind: String) -> BackupError {
        BackupError(
            .usage, "\(name) is \(kind), over which no agent can speak",
            remedy: "use --stdio behind ssh, socat or another program that connects both to a stream")
    }

    /// - Parameter limit: in bytes.
    package static func socketPathTooLong(_ path: String, _ limit: Int) -> BackupError {
        BackupError(
            .configuration,
            "the path of the socket \(path.escapedForMessage) has \(path.utf8.count) bytes, and \(limit) is the most",
            remedy: "choose a shorter directory")
    }

    static func notASocket(_ path: String) -> BackupError {
        BackupError(
            .exists, "\(path.escapedForMessage) is there already, and is no socket",
            remedy: "choose another path for the listener, or remove what is there")
    }

    static func alreadyListening(_ path: String) -> BackupError {
        BackupError(
            .busy, "somebody listens on \(path.escapedForMessage) already",
            remedy: "stop the other service, or give this listener another path")
    }

    static func userNotAllowed(_ path: String, _ user: UInt32?) -> BackupError {
        BackupError(
            .permission,
            "the user \(user.map(String.init) ?? "that the system does not name") may not connect to \(path.escapedForMessage)",
            remedy: "add the user id to allowed_uids of the listener if it should")
    }

    static func tooManyConnections(_ path: String, _ limit: Int) -> BackupError {
        BackupError(
            .resources, "\(limit) connections are open on \(path.escapedForMessage) already",
            remedy: "raise maximum_connections of the listener if they are wanted")
    }

    static func connectionClosed() -> BackupError { BackupError(.interrupted, "the connection is closed") }

    static func connectionBroken(_ cause: any Error) -> BackupError {
        BackupError(
            .inputOutput, "the connection broke",
            remedy: "what was stored stays, and what was under way goes on where it stopped the next time",
            cause: plain(cause))
    }

    static func connectionStalled(_ limit: TimeSpan) -> BackupError {
        BackupError(
            .timedOut, "the peer owes an answer, or takes none, and has made no progress for \(limit)",
            remedy: "check the link; stall_timeout of the transfer sets the limit")
    }

    static func connectionIdle(_ limit: TimeSpan) -> BackupError {
        BackupError(
            .timedOut, "neither side has asked for anything for \(limit)",
            remedy: "idle_timeout of the transfer sets the limit")
    }

    package static func transferStopped() -> BackupError { BackupError(.interrupted, "the transfer was stopped") }
    static func poolStopped() -> BackupError { BackupError(.interrupted, "the program is about to end") }
    static func walkStopped() -> BackupError { BackupError(.interrupted, "nobody wants more of the list") }

    /// What the peer has said instead of an answer.
    static func remoteRefused(_ failure: RemoteFailure) -> BackupError {
        let code: BackupError.Code =
            switch failure.code {
            case .notFound: .notFound
            case .busy: .busy
            case .damaged: .damaged
            default: .failed
            }
        return BackupError(code, "the peer refused: \(failure.message) (\(failure.code.rawValue))")
    }

    // MARK: Sending

    static func nothingOffered(_ agent: AgentName) -> BackupError {
        BackupError(.permission, "nothing is offered to \(agent)", remedy: "give its listener or peer a sender policy")
    }

    static func noTransaction() -> BackupError {
        BackupError(.untrusted, "the peer asked for elements without beginning a transaction")
    }

    static func noCurrentElement() -> BackupError {
        BackupError(.untrusted, "the peer asked for an element where there is none")
    }

    static func notOffered(_ id: String) -> BackupError {
        BackupError(.notFound, "no element \(id.escapedForMessage) is offered")
    }

    static func offsetPastEnd(_ id: String, _ offset: Int64, _ size: Int64) -> BackupError {
        BackupError(
            .untrusted, "the peer asked for \(id.escapedForMessage) from byte \(offset), and it has \(size)")
    }

    static func cursorUnknown(_ cursor: String) -> BackupError {
        BackupError(
            .notFound, "the listing cannot go on after \(cursor.escapedForMessage): it is not offered any more",
            remedy: "begin the listing again")
    }

    static func sizeChanged(_ id: ElementID, _ found: Int64, _ size: Int64) -> BackupError {
        BackupError(
            .damaged, "the data of \(id) have \(found) bytes where \(size) were found before",
            remedy: "`gb storage verify` tells what is wrong with it")
    }

    static func otherBytesConfirmed(_ id: ElementID) -> BackupError {
        BackupError(.untrusted, "the peer confirms \(id) with a SHA-512 that is not its own")
    }

    static func elementReplaced(_ id: ElementID) -> BackupError {
        BackupError(.notFound, "\(id) is another element by now; it is offered again")
    }

    static func receiptMissing(_ id: ElementID) -> BackupError {
        BackupError(
            .untrusted, "the peer confirms \(id) without a receipt, and require_receipts asks for one",
            remedy: "configure sign_receipts at the receiver; version 1 of the protocol has no receipts")
    }

    static func receiptForOther(_ id: ElementID) -> BackupError {
        BackupError(.untrusted, "the receipt for \(id) speaks of another element, size or SHA-512")
    }

    static func copyRecord(_ reason: String, _ cause: BackupError? = nil) -> BackupError {
        BackupError(
            .damaged, "the attribute `copies` cannot be used: \(reason)",
            remedy: "remove the file; the agents confirm again what they hold", cause: cause)
    }

    // MARK: Receiving

    static func elementTooLarge(_ source: SourceURL, _ size: Int64, _ limit: Int64) -> BackupError {
        BackupError(
            .policyViolation, "an element of \(source) has \(size) bytes, and \(limit) is the most",
            remedy: "raise element_bytes of transfer.limits if it should come")
    }

    static func timeAhead(_ source: SourceURL, _ time: Timestamp) -> BackupError {
        BackupError(
            .untrusted, "an element of \(source) has the time \(time), more than a day ahead of the clock here",
            remedy: "check the clocks of both machines")
    }

    static func ownPredecessor(_ source: SourceURL) -> BackupError {
        BackupError(.untrusted, "an element of \(source) says that it is its own predecessor")
    }

    static func sameUUIDOtherBytes(_ id: ElementID) -> BackupError {
        BackupError(
            .untrusted, "an element is offered with the UUID of \(id) and other bytes",
            remedy: "`gb storage verify` tells whether the one here is sound; the sender must explain the other")
    }

    static func onItsWay(_ source: SourceURL, _ uuid: ElementUUID) -> BackupError {
        BackupError(
            .untrusted, "two elements of \(source) are offered with the UUID \(uuid)…; the first is taken",
            remedy:
                "`gb storage verify` at the sender tells whether they are the same; if so the next round confirms both")
    }

    static func predecessorMissing(_ source: SourceURL, _ predecessor: ElementUUID) -> BackupError {
        BackupError(
            .policyViolation, "the predecessor \(predecessor)… of an element of \(source) is not here",
            remedy: "require_chain keeps it out until then; a new full begins a chain")
    }

    static func quotaExceeded(_ source: SourceURL, _ quota: String) -> BackupError {
        BackupError(
            .policyViolation, "an element of \(source) would exceed the quota of \(quota)",
            remedy: "raise the quota, or thin out what is stored")
    }

    static func noRoom(_ source: SourceURL, _ size: Int64) -> BackupError {
        BackupError(.noSpace, "there is no room for an element of \(source) with \(size) bytes")
    }

    static func tooManyOffered(_ agent: AgentName, _ limit: Int) -> BackupError {
        BackupError(
            .policyViolation, "\(agent) offers more than \(limit) elements in one round",
            remedy: "raise elements_per_round of transfer.limits if they should come")
    }

    static func streamTooLong(_ size: Int64) -> BackupError {
        BackupError(.untrusted, "the peer sends more than the \(size) bytes that the element may have")
    }

    /// - Parameter limit: of an element whose size was not told.
    static func streamBeyondLimit(_ limit: Int64) -> BackupError {
        BackupError(
            .policyViolation, "the peer sends an element of more than \(limit) bytes, and \(limit) is the most",
            remedy:
                "raise element_bytes of transfer.limits if it should come; in version 1 of the protocol nothing behind it "
                + "comes before that")
    }

    static func streamTooShort(_ found: Int64, _ size: Int64) -> BackupError {
        BackupError(.damaged, "the stream ended after \(found) of \(size) bytes")
    }

    static func streamEnd() -> BackupError {
        BackupError(.untrusted, "the peer ended a stream of bytes with a frame that is not empty")
    }

    static func unexpectedStream() -> BackupError {
        BackupError(.untrusted, "the peer answers with a stream where one frame belongs")
    }

    static func otherBytesArrived(_ id: String) -> BackupError {
        BackupError(
            .damaged,
            "the bytes that came for \(id.escapedForMessage) are not those of its metadata: the SHA-512 differs",
            remedy: "run `gb storage verify` at the sender")
    }

    static func noListing(_ agent: AgentName) -> BackupError {
        BackupError(.failed, "\(agent) speaks version 2 without listings", remedy: "update the program there")
    }

    static func mirrorOfMover(_ agent: AgentName) -> BackupError {
        BackupError(
            .configuration,
            "\(agent) deletes or hides what was confirmed, so nothing is retired that it no longer offers",
            remedy: "let it offer by the policy keep, or take policy: store for what comes from it")
    }

    static func listingStands() -> BackupError {
        BackupError(.untrusted, "the peer's listing does not go on from page to page")
    }

    static func answerForm(_ request: String, _ form: String) -> BackupError {
        BackupError(.untrusted, "the peer's answer to \(request) is not \(form)")
    }

    // MARK: Carriers

    static func carrierMissing(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code, "cannot use the directory \(path.escapedForMessage) to carry elements",
            remedy: "check that it is mounted", cause: cause)
    }

    static func notACarrier(_ path: String) -> BackupError {
        BackupError(
            .notFound, "\(path.escapedForMessage) holds nothing to pull: it has no `data` directory",
            remedy: "check that the right medium is mounted, or fill it with `gb transfer push --to-directory`")
    }

    static func carrierUnusable(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code, "cannot use \(path.escapedForMessage)/data, where the elements lie that the medium carries",
            remedy: "look at what is there: it must be a directory", cause: cause)
    }

    static func carrierForOthers(_ path: String, _ agents: [AgentName], _ ownName: AgentName) -> BackupError {
        let names = agents.map(\.description).joined(separator: ", ")
        return BackupError(
            .configuration,
            "\(path.escapedForMessage) was filled for \(names), and this machine is \(ownName): its receipts will not count",
            remedy: "if it is one of them, set transfer.agent here to that name, and pull again")
    }

    static func carrierFull(_ path: String) -> BackupError {
        BackupError(
            .noSpace, "\(path.escapedForMessage) is full: what is on it is whole, the rest did not fit",
            remedy: "carry it away and fill it again when it is back, or take a larger one")
    }

    static func receiptsNotLeft(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code,
            "what came is stored, but receipts could not be left on \(path.escapedForMessage): the sender will not know",
            remedy: "pull again when that is mended: nothing is stored twice", cause: cause)
    }

    static func receiptsUnusable(_ path: String) -> BackupError {
        BackupError(
            .damaged, "\(path.escapedForMessage) is no file of receipts",
            remedy: "remove it: whoever pulls again confirms again what is there")
    }

    static func receiptsUnreadable(_ path: String, _ count: Int) -> BackupError {
        BackupError(
            .damaged, "\(count) lines of \(path.escapedForMessage) are no receipts, and are dropped",
            remedy: "whoever pulls again confirms again what is there")
    }

    static func receiptsOfStranger(
        _ path: String, _ count: Int, _ stranger: String, _ agent: AgentName
    ) -> BackupError {
        BackupError(
            .untrusted,
            "\(count) receipts in \(path.escapedForMessage) are by \(stranger.escapedForMessage), not by \(agent): they do not count",
            remedy: "a machine that pulls must be called as it is called here: set transfer.agent there")
    }

    static func receiptsOfUnknown(_ path: String, _ agent: AgentName, _ known: [AgentName]) -> BackupError {
        let names = known.map(\.description).joined(separator: ", ")
        return BackupError(
            .configuration,
            "\(path.escapedForMessage) has receipts of \(agent), to whom this machine sends nothing: they do not count",
            remedy: "if that is \(names), set transfer.agent there to the name that it has here; else remove the file")
    }
}

extension BackupError {
    /// The error as a peer may know it: that an element cannot be read, not which path says what. What is about the peer's
    /// own request stays as it is.
    var forPeer: BackupError {
        switch code {
        case .notFound where cause == nil: self
        case .busy: BackupError(.busy, "it is in use", cause: self)
        case .damaged, .untrusted: BackupError(.damaged, "it is damaged", cause: self)
        default: BackupError(.failed, "something went wrong", cause: self)
        }
    }
}

extension RemoteFailure {
    /// What the peer is told of an error of ours. The messages of these codes are made for it; what the storage says has
    /// gone through ``BackupError/forPeer``.
    init(_ error: BackupError) {
        switch error.code {
        case .notFound: self.init(code: .notFound, message: error.message)
        case .permission, .policyViolation: self.init(code: .refused, message: error.message)
        case .untrusted, .usage, .invalidValue: self.init(code: .badRequest, message: error.message)
        case .busy: self.init(code: .busy, message: "it is in use, try again later")
        case .damaged: self.init(code: .damaged, message: "it is damaged here")
        case .resources: self.init(code: .limit, message: "too much at once")
        default: self.init(code: .internal, message: "something went wrong here; the log tells")
        }
    }
}
