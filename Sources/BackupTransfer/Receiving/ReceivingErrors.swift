import BackupModel

/// The wording of what is refused of what a peer offers or sends.
extension BackupError {
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

    static func partialChanged(_ path: String) -> BackupError {
        BackupError(
            .damaged,
            "\(path.escapedForMessage) does not hold any more what a broken transfer had written; it is begun anew",
            remedy: "unless somebody has changed it, look at `dmesg` for errors of the disk")
    }

    static func storageFull(_ count: Int) -> BackupError {
        BackupError(
            .noSpace, "\(count) of the elements offered have no room in the storage; the others were taken",
            remedy: "free space (df), or set a quota for the agent, so that one does not keep room from all")
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
}
