import BackupModel

/// The wording of what is refused to a peer that fetches or confirms.
extension BackupError {
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

    static func walkStopped() -> BackupError { BackupError(.interrupted, "nobody wants more of the list") }

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
}
