import BackupModel

/// The wording of what the protocol refuses.
extension BackupError {
    private static let peerRemedy =
        "check what is connected there: it must be gb or the original toolkit, with nothing else writing into the stream"

    // MARK: - Frames

    static func unknownFrameType(_ byte: UInt8) -> BackupError {
        let digits = String(byte, radix: 16)
        return BackupError(
            .untrusted, "the peer sent a frame of the unknown type 0x\(digits.count < 2 ? "0" : "")\(digits)",
            remedy: peerRemedy)
    }

    static func frameTooLong(_ type: FrameType, _ length: Int, limit: Int) -> BackupError {
        BackupError(
            .untrusted, "the peer announced a frame \(type) of \(length) bytes, and \(limit) is the most",
            remedy: peerRemedy)
    }

    /// `what` must not be, where `situation` tells the state of the conversation.
    static func violation(_ what: String, _ type: FrameType, _ situation: String) -> BackupError {
        BackupError(
            .untrusted, "the peer broke the transfer protocol with a frame \(type): \(what) (\(situation))",
            remedy: peerRemedy)
    }

    static func brokenConnection(_ situation: String, isWithinFrame: Bool) -> BackupError {
        BackupError(
            .inputOutput,
            "the connection ended \(isWithinFrame ? "within a frame" : "before both sides were done") (\(situation))",
            remedy: "see what the other side says, then try again; what is stored stays stored")
    }

    static func misuse(_ what: String, _ situation: String) -> BackupError {
        BackupError(.failed, "this program was about to break the transfer protocol: \(what) (\(situation))")
    }

    // MARK: - Messages

    /// `message` names what was read, for example "the request readElement".
    static func malformed(_ message: String, _ reason: String, cause: BackupError? = nil) -> BackupError {
        BackupError(
            .untrusted, "the peer sent something unusable: \(message): \(reason)",
            remedy: cause == nil ? peerRemedy : "", cause: cause)
    }

    static func unknownMethod(_ name: String, version: Int) -> BackupError {
        BackupError(
            .usage,
            "the peer asked for \"\(name.escapedForMessage)\", which version \(version) of the protocol does not have",
            remedy: "update whichever side is older")
    }

    static func messageTooLong(_ message: String, _ size: Int, limit: Int) -> BackupError {
        BackupError(
            .failed, "\(message) has \(size) bytes, and a frame holds \(limit) at most",
            remedy: "shorten what the unit or the pipeline adds to the metadata of its elements")
    }
}
