import BackupModel

/// Reads one of `transfer.listeners`.
enum ListenerDecoder {
    /// Nil, with errors kept, where a setting is missing.
    static func decode(_ reader: ConfigReader) -> ListenerSettings? {
        let agent = reader.readRequired("agent", .agent, remedy: "name who comes in here")
        let isSocket = !(reader.take("path")?.value.isNone ?? true)
        let path = reader.readOptional("path", .socketPath(ListenerSettings.maximumPathLength))
        let socket = isSocket ? socket(reader) : noSocket(reader)
        let policies = TransferPolicies(reader)
        let bandwidth = BandwidthDecoder.decode(reader)
        let maximumConnections =
            isSocket ? reader.read("maximum_connections", .wholeNumber(1...1024), default: 16) : 16
        reader.finish()
        guard let agent, !isSocket || path != nil else { return nil }
        return ListenerSettings(
            agent: agent, path: path, mode: socket.mode, owner: socket.owner, group: socket.group,
            allowedUIDs: socket.allowedUIDs, sender: policies.sender, receiver: policies.receiver,
            bandwidth: bandwidth, maximumConnections: maximumConnections)
    }

    /// What is said of the file.
    private struct Socket {
        var mode: UInt32 = 0o600
        var owner: AccountSetting?
        var group: AccountSetting?
        var allowedUIDs: [UInt32]?
    }

    private static func socket(_ reader: ConfigReader) -> Socket {
        var socket = Socket()
        socket.mode = reader.read("mode", .mode, default: socket.mode)
        socket.owner = reader.readOptional("owner", .account("user"))
        socket.group = reader.readOptional("group", .account("group"))
        let uids = ValueKind.userID.list("a list of at least one number of a user", atLeastOne: true)
        socket.allowedUIDs = reader.readOptional("allowed_uids", uids)
        return socket
    }

    /// Somebody who writes who may open a socket believes that there is one.
    private static func noSocket(_ reader: ConfigReader) -> Socket {
        for key in ["mode", "owner", "group", "allowed_uids", "maximum_connections"] {
            reader.refuse(
                key, "it has a meaning only together with path",
                remedy: "add for example path: /run/guerillabackup/NAME.socket, or remove \(key)")
        }
        return Socket()
    }
}

/// Reads one of `transfer.peers`.
enum PeerDecoder {
    private static let ways = ["socket", "command", "directory"]

    /// Nil, with errors kept, where a setting is missing.
    static func decode(_ reader: ConfigReader, limits: TransferLimitSettings) -> PeerSettings? {
        let agent = reader.readRequired("agent", .agent, remedy: "choose a name for the machine at the other end")
        let connection = connection(reader)
        let schedule = schedule(reader)
        let jitter = jitter(reader, schedule)
        let runConditions = MainDecoder.runConditions(reader)
        let retryAfter = reader.read("retry_after", .duration(), default: TimeSpan(seconds: 60))
        let retryAtMost = reader.read(
            "retry_at_most", .duration(), default: max(TimeSpan(seconds: 3600), retryAfter))
        if retryAtMost < retryAfter {
            reader.report(
                "retry_at_most", "\(retryAtMost) is less than retry_after, \(retryAfter)",
                remedy: "expected is retry_after <= retry_at_most")
        }
        let policies = TransferPolicies(reader)
        let bandwidth = BandwidthDecoder.decode(reader)
        let timeouts = timeouts(reader.section("timeouts"), limits: limits)
        reader.finish()
        guard let agent, let connection else { return nil }
        return PeerSettings(
            agent: agent, connection: connection, schedule: schedule, jitter: jitter, runConditions: runConditions,
            retryAfter: retryAfter, retryAtMost: retryAtMost, sender: policies.sender, receiver: policies.receiver,
            bandwidth: bandwidth, timeouts: timeouts)
    }

    private static func connection(_ reader: ConfigReader) -> PeerConnectionSetting? {
        let written = ways.filter { reader.take($0) != nil }
        guard let way = written.first else {
            reader.report(
                "it does not say how the peer is reached",
                remedy: "write one of socket: PATH, command: [ssh, -T, USER@HOST] and directory: PATH")
            return nil
        }
        for other in written.dropFirst() {
            reader.refuse(
                other, "\(way) and \(other) exclude each other",
                remedy: "a peer is reached in one way: keep one of them")
        }
        switch way {
        case "socket": return reader.readRequired(way, .socketPath(107)).map { .socket($0) }
        case "command": return reader.readRequired(way, .commandLine).map { .command($0) }
        default: return reader.readRequired(way, .absolutePath).map { .directory($0) }
        }
    }

    private static func schedule(_ reader: ConfigReader) -> PeerScheduleSetting {
        let every = reader.readOptional("every", .duration())
        let at = reader.readOptional("at", ValueKind.timeOfDay.list("a list of at least one time", atLeastOne: true))
        if every != nil, at != nil {
            reader.report("at", "every and at exclude each other", remedy: "keep one of them")
        }
        if let every { return .every(every) }
        return at.map { .at(Set($0).sorted()) } ?? .never
    }

    private static func jitter(_ reader: ConfigReader, _ schedule: PeerScheduleSetting) -> TimeSpan {
        let jitter = reader.read("jitter", .duration(zeroAllowed: true), default: .zero)
        switch schedule {
        case .never:
            if jitter > .zero, reader.take("every")?.value.isNone ?? true, reader.take("at")?.value.isNone ?? true {
                reader.report(
                    "jitter", "it has a meaning only together with every or at", remedy: "add one, or remove jitter")
            }
        case .every(let span):
            if jitter >= span {
                reader.report(
                    "jitter", "\(jitter) is not less than every, \(span)", remedy: "expected is jitter < every")
            }
        case .at:
            if jitter >= TimeSpan(seconds: 86400) {
                reader.report("jitter", "\(jitter) is not less than a day", remedy: "choose less than 1d")
            }
        }
        return jitter
    }

    private static func timeouts(_ reader: ConfigReader, limits: TransferLimitSettings) -> TransferTimeoutSettings {
        let settings = TransferTimeoutSettings(
            idle: reader.readOptional("idle", .duration()) ?? limits.idleTimeout,
            stall: reader.readOptional("stall", .duration()) ?? limits.stallTimeout)
        reader.finish()
        return settings
    }
}

/// Reads `bandwidth` of a listener or a peer.
enum BandwidthDecoder {
    static func decode(_ parent: ConfigReader) -> [BandwidthWindow] {
        var result: [BandwidthWindow] = []
        for reader in parent.list("bandwidth", "a list of rates", example: "[{ rate: 10M }]") {
            let rate = reader.readRequired("rate", .size, remedy: "write bytes a second, for example rate: 10M")
            let from = reader.readOptional("from", .timeOfDay)
            let to = reader.readOptional("to", .timeOfDay)
            let written = ["from", "to"].filter { !(reader.take($0)?.value.isNone ?? true) }
            if let only = written.first, written.count == 1 {
                reader.report(
                    only, "it has a meaning only together with \(only == "from" ? "to" : "from")",
                    remedy: "add it, or remove \(only) for a rate that holds the whole day")
            }
            if let from, from == to {
                reader.report(
                    "to", "it is the same as from", remedy: "remove both for a rate that holds the whole day")
            }
            reader.finish()
            guard let rate else { continue }
            if written.isEmpty, result.contains(where: { $0.from == nil }) {
                reader.report(
                    "another rate holds the whole day already", remedy: "add from and to, or remove one of the two")
            }
            result.append(BandwidthWindow(rate: rate, from: from, to: to))
        }
        return result
    }
}
