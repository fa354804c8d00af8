import BackupModel

/// The wording of what is wrong with a carrier, or with the receipts on it.
extension BackupError {
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
