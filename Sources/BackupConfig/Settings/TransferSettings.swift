package import BackupModel

/// Who exchanges backups with this machine, how, and within which limits: the section `transfer`.
package struct TransferSettings: Sendable, Hashable {
    /// How this machine names itself to its peers; nil: it does not. The name of the host is never used for it.
    package let agent: String?
    /// The sockets on which peers come to this machine. No two have the same path; no two without a path have the same
    /// agent.
    package let listeners: [ListenerSettings]
    /// The peers to which this machine goes. No two have the same agent.
    package let peers: [PeerSettings]
    /// A partial file that nobody went on with for that long is removed; more than zero, without setting 14 days.
    package let partialMaximumAge: TimeSpan
    /// How many peers are talked to at once, 1...64, without setting 4.
    package let parallelPeers: Int
    package let limits: TransferLimitSettings

    package init(
        agent: String?, listeners: [ListenerSettings], peers: [PeerSettings], partialMaximumAge: TimeSpan,
        parallelPeers: Int, limits: TransferLimitSettings
    ) {
        self.agent = agent
        self.listeners = listeners
        self.peers = peers
        self.partialMaximumAge = partialMaximumAge
        self.parallelPeers = parallelPeers
        self.limits = limits
    }
}

/// What no peer can exceed, whatever its policies are.
package struct TransferLimitSettings: Sendable, Hashable {
    /// The size of the biggest element that is fetched, in bytes, 1 or more; nil: no limit.
    package let elementBytes: Int64?
    /// How many elements may be offered in one connection, 1 or more, without setting 2000000.
    package let elementsPerRound: Int
    /// How long a connection may have nothing to do; more than zero, without setting 10 minutes.
    package let idleTimeout: TimeSpan
    /// How long no byte may move while one is awaited; more than zero, without setting 5 minutes.
    package let stallTimeout: TimeSpan
    /// The payload of a frame in bytes, 4096...1048576, without setting 1048576.
    package let frameLength: Int
    /// How many requests of a peer may be open in version 2 of the protocol, 1...32, without setting 32.
    package let openRequests: Int
    /// How deep the maps and lists of a message may be nested, 8...256, without setting 32.
    package let jsonDepth: Int
    /// How many elements one page of a listing holds at most, 1...10000, without setting 1000.
    package let elementsPerPage: Int
    /// The size of one page of a listing in bytes, 1024...``frameLength``, without setting 524288, or
    /// half of ``frameLength`` where that is less.
    package let pageSize: Int

    package init(
        elementBytes: Int64?, elementsPerRound: Int, idleTimeout: TimeSpan, stallTimeout: TimeSpan, frameLength: Int,
        openRequests: Int, jsonDepth: Int, elementsPerPage: Int, pageSize: Int
    ) {
        self.elementBytes = elementBytes
        self.elementsPerRound = elementsPerRound
        self.idleTimeout = idleTimeout
        self.stallTimeout = stallTimeout
        self.frameLength = frameLength
        self.openRequests = openRequests
        self.jsonDepth = jsonDepth
        self.elementsPerPage = elementsPerPage
        self.pageSize = pageSize
    }
}

/// How long a connection to one peer waits. Both are more than zero.
package struct TransferTimeoutSettings: Sendable, Hashable {
    /// How long it may have nothing to do; without setting ``TransferLimitSettings/idleTimeout``.
    package let idle: TimeSpan
    /// How long no byte may move while one is awaited; without setting ``TransferLimitSettings/stallTimeout``.
    package let stall: TimeSpan

    package init(idle: TimeSpan, stall: TimeSpan) {
        self.idle = idle
        self.stall = stall
    }
}
