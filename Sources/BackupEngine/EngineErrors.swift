import BackupModel
import BackupTransfer

/// The wording of every refusal of this module.
extension BackupError {
    static func unknownUnits(_ names: [String], known: [String]) -> BackupError {
        BackupError(
            .notFound, "no enabled unit is called \(names.map(\.escapedForMessage).joined(separator: ", "))",
            remedy: known.isEmpty
                ? "no unit is enabled: link a unit definition into the units directory of the configuration"
                : "enabled are: \(known.joined(separator: ", "))")
    }

    static func generatorBusy(_ stateDirectory: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .busy, "another generator works with the state directory \(stateDirectory.escapedForMessage)",
            remedy: "wait until it has finished, or stop it; `gb generator status` shows what it does", cause: cause)
    }

    static func fileNotStored(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code, "\(path.escapedForMessage) could not be read and stored",
            remedy: cause.code == .processFailed || cause.code == .damaged
                ? "if it is damaged, repair it or move it away: the files after it wait until then" : cause.firstRemedy,
            cause: cause)
    }

    static func runFailed(_ source: SourceURL, _ cause: BackupError) -> BackupError {
        BackupError(cause.code, "\(source) was not backed up", remedy: "", cause: cause)
    }

    static func signingImpossible(_ cause: BackupError) -> BackupError {
        BackupError(cause.code, "elements are to be signed, and that is not possible", cause: cause)
    }

    static func signatureRefused(_ element: ElementID, _ cause: BackupError) -> BackupError {
        BackupError(cause.code, "\(element) must not be trusted", cause: cause)
    }

    /// - Parameter key: of the metadata.
    static func noSignature(_ key: String) -> BackupError {
        BackupError(
            .untrusted, "it has no \(key)",
            remedy: "elements are signed when pipeline.signing is configured where they are made")
    }

    static func dataNotCovered() -> BackupError {
        BackupError(
            .untrusted,
            "its metadata are signed, but hold no SHA-512 of the data, and there is no StorageFileSignature: nobody has "
                + "signed the data")
    }

    static func noFingerprintInSignature(_ element: ElementID) -> BackupError {
        BackupError(
            .untrusted, "the signature of \(element) does not say by which key it is made",
            remedy: "`gb storage verify --signatures FINGERPRINT` checks it against keys that you name")
    }

    static func commandFailed(_ what: String, _ source: SourceURL, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code, "the \(what) of \(source) failed",
            remedy: "run it by hand to see why; its key in the unit's configuration is \(what)", cause: cause)
    }

    static func unitUnusable(_ unit: String, _ cause: BackupError) -> BackupError {
        BackupError(cause.code, "the unit \(unit) cannot be used", cause: cause)
    }

    static func foundSourceTwice(_ source: SourceURL, _ owner: String) -> BackupError {
        BackupError(
            .configuration,
            "files of the source \(source) were found, but the unit \(owner) has this source already, and two units cannot "
                + "write one chain", remedy: "give the input another value of source")
    }

    /// - Parameter state: the directory in which the unit `owner` remembers what it has stored.
    static func plannedSourceTwice(_ source: SourceURL, _ owner: String, state: String) -> BackupError {
        BackupError(
            .configuration,
            "the program names the source \(source), but the unit \(owner) has this source already, and two units cannot "
                + "write one chain",
            remedy:
                "give the unit a `prefix` of its own, or let the program name another source; if \(owner) is not to go on "
                + "with it, disable that unit and remove \(state.escapedForMessage)")
    }

    static func unitPartlyUnusable(_ unit: String, _ cause: BackupError) -> BackupError {
        BackupError(cause.code, "a part of the unit \(unit) cannot be backed up", cause: cause)
    }

    static func damagedJournal(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(cause.code, "the journal \(path.escapedForMessage) cannot be written", cause: cause)
    }

    static func interrupted(_ signal: Int32) -> BackupError {
        BackupError(
            .interrupted, "stopped by signal \(signal): what was being backed up was dropped",
            cause: SignalReceived(number: signal))
    }
}

/// The wording of refusals around transfers.
extension BackupError {
    static func unknownAgent(_ name: String, known: [String]) -> BackupError {
        BackupError(
            .notFound, "no agent \"\(name.escapedForMessage)\" is configured",
            remedy: known.isEmpty
                ? "write it below transfer.peers" : "there are \(Set(known).sorted().joined(separator: ", "))")
    }

    static func agentNeeded(known: [String]) -> BackupError {
        BackupError(
            .usage, "which agent comes in over standard input and output is not said",
            remedy: known.isEmpty
                ? "write a listener below transfer.listeners, and give its agent with --agent"
                : "give --agent with one of \(Set(known).sorted().joined(separator: ", "))")
    }

    static func noPolicy(_ kind: String, _ agent: String, _ verb: String) -> BackupError {
        BackupError(
            .configuration, "the peer \(agent) has no \(kind) policy, so there is nothing to \(verb)",
            remedy: "write `\(kind):` below the peer")
    }

    static func receptionBusy(_ agent: AgentName, _ cause: BackupError) -> BackupError {
        BackupError(
            .busy, "elements are being fetched from \(agent) already",
            remedy: "wait for the other transfer; `gb transfer status` shows it", cause: cause)
    }

    /// - Parameter known: for whom the medium was filled, as far as it says that.
    static func ownNameMissing(known: [AgentName]) -> BackupError {
        let names = known.map(\.description).joined(separator: ", ")
        return BackupError(
            .configuration, "this machine has no name, and its receipts must carry one",
            remedy: "write transfer.agent, with the name by which the sender knows this machine"
                + (known.isEmpty ? "" : ": the medium was filled for \(names)"))
    }

    static func destinationNeeded(known: [String]) -> BackupError {
        BackupError(
            .usage, "for whom the medium is to be filled is not said",
            remedy: known.isEmpty
                ? "write a peer with a sender policy below transfer.peers"
                : "give --for with one of \(known.sorted().joined(separator: ", "))")
    }

    static func carrierIsStorage(_ path: String) -> BackupError {
        BackupError(
            .usage, "\(path.escapedForMessage) is this machine's own storage",
            remedy: "name the directory of another medium")
    }

    static func directoryIsNoConnection(_ path: String) -> BackupError {
        BackupError(
            .usage, "the peer is the directory \(path.escapedForMessage), to which nothing can be connected",
            remedy: "use `gb transfer push` or `gb transfer pull` with its name")
    }

    static func emptyCommand() -> BackupError {
        BackupError(.configuration, "the command of a peer is empty", remedy: "name the program, for example ssh")
    }

    static func commandNotStarted(_ command: [String], _ cause: any Error) -> BackupError {
        BackupError(
            .processFailed, "cannot start `\(command.joined(separator: " ").escapedForMessage)`",
            remedy: "check the command of the peer", cause: cause)
    }

    static func peerCommandFailed(_ command: [String], _ status: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .busy,
            "`\(command.joined(separator: " ").escapedForMessage)`, which makes the connection, ended with \(status)",
            remedy: "run it by hand: what it says on standard error tells why", cause: cause)
    }

    static func connectionLost(_ agent: AgentName, _ cause: BackupError) -> BackupError {
        BackupError(.busy, "the connection to \(agent) was lost", cause: cause)
    }

    static func nothingToServe(_ path: String) -> BackupError {
        BackupError(
            .configuration, "there is nothing to serve: no listener with a path, and no peer with `every` or `at`",
            remedy: "write them below transfer in \(path.escapedForMessage)/config")
    }

    /// - Parameter kind: what the descriptor is.
    static func inheritedNoSocket(_ number: Int32, _ kind: String) -> BackupError {
        BackupError(
            .configuration,
            "descriptor \(number) from the service manager is \(kind); only UNIX sockets can let agents in",
            remedy: "write nothing but ListenStream= with paths of listeners into the socket unit, and no Accept=yes")
    }

    static func inheritedUnknown(_ path: String, listeners: [String]) -> BackupError {
        let known = listeners.map(\.escapedForMessage).joined(separator: ", ")
        return BackupError(
            .configuration,
            "the service manager has opened the socket \(path.escapedForMessage), which belongs to no listener; "
                + (known.isEmpty ? "there are none" : "there are \(known)"),
            remedy:
                "make ListenStream= of the socket unit the path of a listener in transfer.listeners, or add a listener")
    }

    static func inheritedTwice(_ path: String) -> BackupError {
        BackupError(
            .configuration, "the service manager has opened two sockets for the listener \(path.escapedForMessage)",
            remedy: "keep one ListenStream= for each listener in all socket units")
    }

    static func transferBusy(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .busy, "another transfer service works with \(path.escapedForMessage)",
            remedy: "stop it first; `gb transfer status` shows what it does", cause: cause)
    }

    static func unknownAccount(_ kind: String, _ name: String, _ path: String) -> BackupError {
        BackupError(
            .configuration,
            "there is no \(kind) \"\(name.escapedForMessage)\" to own the socket \(path.escapedForMessage)",
            remedy: "make the \(kind), or correct the listener")
    }
}

/// The wording of refusals around the identity of the machine.
extension BackupError {
    static func machineRegistered(_ path: String, _ id: MachineID?) -> BackupError {
        BackupError(
            .exists, "this machine is registered already\(id.map { " as \($0)" } ?? ""): \(path.escapedForMessage)",
            remedy: "keep it: its older backups carry it; a clone of another machine gets its own by --replace")
    }

    static func machineUnreadable(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .damaged, "the identity of this machine in \(path.escapedForMessage) cannot be read",
            remedy: "`gb storage show` of an older element tells what it was: write it there; or make a new one by "
                + "`gb machine register --replace`", cause: cause)
    }
}
