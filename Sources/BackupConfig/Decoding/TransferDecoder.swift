import BackupModel

/// Reads `transfer`.
enum TransferDecoder {
    /// - Parameter storage: its directory cannot be that of a peer.
    static func decode(_ reader: ConfigReader, storage: StorageSettings) -> TransferSettings {
        let agent = reader.readOptional("agent", .agent)
        let listenerReaders = reader.list(
            "listeners", "a list of listeners",
            example: "[{ agent: NAME, path: /run/guerillabackup/NAME.socket, sender: { policy: keep } }]")
        let listeners = listenerReaders.map { ListenerDecoder.decode($0) }
        let peerReaders = reader.list(
            "peers", "a list of peers",
            example: "[{ agent: NAME, command: [ssh, -T, USER@HOST], receiver: { policy: store } }]")
        let limitsReader = reader.section("limits")
        let limits = limits(limitsReader)
        let peers = peerReaders.map { PeerDecoder.decode($0, limits: limits) }
        let partialMaximumAge = reader.read("partial_maximum_age", .duration(), default: TimeSpan(seconds: 14 * 86400))
        let parallelPeers = reader.read("parallel_peers", .wholeNumber(1...64), default: 4)
        reader.finish()

        checkListeners(Array(zip(listenerReaders, listeners)), agent: agent)
        checkPeers(Array(zip(peerReaders, peers)), listeners: listeners.compactMap(\.self), agent: agent, storage)
        return TransferSettings(
            agent: agent, listeners: listeners.compactMap(\.self), peers: peers.compactMap(\.self),
            partialMaximumAge: partialMaximumAge, parallelPeers: parallelPeers, limits: limits)
    }

    private static func limits(_ reader: ConfigReader) -> TransferLimitSettings {
        let elementBytes = reader.readOptional("element_bytes", .size)
        let elementsPerRound = reader.read("elements_per_round", .wholeNumber(1...Int.max), default: 2_000_000)
        let idleTimeout = reader.read("idle_timeout", .duration(), default: TimeSpan(seconds: 600))
        let stallTimeout = reader.read("stall_timeout", .duration(), default: TimeSpan(seconds: 300))
        let frameLength = reader.read("frame_length", .size(4096...1_048_576), default: 1_048_576)
        let openRequests = reader.read("open_requests", .wholeNumber(1...32), default: 32)
        let jsonDepth = reader.read("json_depth", .wholeNumber(8...256), default: 32)
        let elementsPerPage = reader.read("elements_per_page", .wholeNumber(1...10000), default: 1000)
        let pageSize = reader.read("page_size", .size(1024...1_048_576), default: min(524_288, frameLength / 2))
        if pageSize > frameLength {
            reader.report(
                "page_size", "\(pageSize) bytes are more than frame_length, \(frameLength)",
                remedy: "a page is sent in one frame: expected is page_size <= frame_length")
        }
        reader.finish()
        return TransferLimitSettings(
            elementBytes: elementBytes, elementsPerRound: elementsPerRound, idleTimeout: idleTimeout,
            stallTimeout: stallTimeout, frameLength: Int(frameLength), openRequests: openRequests,
            jsonDepth: jsonDepth, elementsPerPage: elementsPerPage, pageSize: Int(pageSize))
    }

    private static func checkListeners(_ listeners: [(ConfigReader, ListenerSettings?)], agent: String?) {
        for (index, (reader, listener)) in listeners.enumerated() {
            guard let listener else { continue }
            checkAgent(listener.agent, isNot: agent, reader)
            guard let path = listener.path else {
                let first = listeners[..<index].firstIndex { $0.1?.agent == listener.agent && $0.1?.path == nil }
                if let first {
                    reader.report(
                        "agent", "listeners[\(first)] is this agent already, without a path as this one",
                        remedy: "give one of the two a path, or remove one")
                }
                continue
            }
            let first = listeners[..<index].firstIndex { $0.1?.path.map { isSamePath($0, path) } ?? false }
            if let first {
                reader.report(
                    "path", "listeners[\(first)] has this path already, and by its socket an agent is known",
                    remedy: "give each listener a path of its own")
            }
        }
    }

    private static func checkPeers(
        _ peers: [(ConfigReader, PeerSettings?)], listeners: [ListenerSettings], agent: String?,
        _ storage: StorageSettings
    ) {
        for (index, (reader, peer)) in peers.enumerated() {
            guard let peer else { continue }
            checkAgent(peer.agent, isNot: agent, reader)
            if let first = peers[..<index].firstIndex(where: { $0.1?.agent == peer.agent }) {
                reader.report(
                    "agent", "peers[\(first)] is this agent already",
                    remedy: "give each peer a name of its own, or remove one of the two")
            }
            // A storage that sent to itself would see each element confirmed, and could delete the only copy.
            switch peer.connection {
            case .socket(let path):
                if let own = listeners.first(where: { $0.path.map { isSamePath($0, path) } ?? false }) {
                    reader.report(
                        "socket", "on this path this machine itself listens, for the agent \(own.agent)",
                        remedy: "name the socket of the other machine, or one that leads to it")
                }
            case .directory(let path):
                if isPath(path, within: storage.directory) || isPath(storage.directory, within: path) {
                    reader.report(
                        "directory",
                        "it is one with the storage of this machine, \(storage.directory.escapedForMessage)",
                        remedy: "name a directory apart from it, for example on a mounted stick")
                }
            case .command: break
            }
        }
    }

    private static func checkAgent(_ name: String, isNot own: String?, _ reader: ConfigReader) {
        guard name == own else { return }
        reader.report(
            "agent", "\(name) is this machine itself, as transfer.agent says",
            remedy: "write the name of the machine at the other end")
    }
}
