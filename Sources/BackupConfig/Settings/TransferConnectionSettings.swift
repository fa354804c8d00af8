package import BackupModel

/// A UNIX socket: whoever comes through it is the agent, and has its rights. Without a path it is no socket, and says
/// only what an agent may do that comes in over standard input and output.
package struct ListenerSettings: Sendable, Hashable {
    /// The longest ``path``, in bytes: one less than the kernel takes, as a new socket first has a longer name.
    package static let maximumPathLength = 106

    /// Letters, digits, `-` and `_` and `.`; 1...64 characters, the first one a letter, a digit or `_`.
    package let agent: String
    /// Absolute, at most ``maximumPathLength`` bytes. nil: there is no socket, and all
    /// that is said of one has its default.
    package let path: String?
    /// The permission bits of the socket, 0...0o777, without setting 0o600.
    package let mode: UInt32
    /// To whom the socket belongs; nil: to the user of the process.
    package let owner: AccountSetting?
    /// The group of the socket; nil: that of the process.
    package let group: AccountSetting?
    /// The users whose processes may connect, at least one; nil: whoever ``mode`` lets in.
    package let allowedUIDs: [UInt32]?
    /// How the agent may fetch; nil: not at all. At least one of sender and receiver is set.
    package let sender: SenderSettings?
    /// How this machine fetches from the agent; nil: not at all.
    package let receiver: ReceiverSettings?
    /// How fast data goes to the agent and comes from it, both together; empty: no limit.
    package let bandwidth: [BandwidthWindow]
    /// How many connections may be open at once, 1...1024, without setting 16.
    package let maximumConnections: Int

    package init(
        agent: String, path: String?, mode: UInt32, owner: AccountSetting?, group: AccountSetting?,
        allowedUIDs: [UInt32]?, sender: SenderSettings?, receiver: ReceiverSettings?, bandwidth: [BandwidthWindow],
        maximumConnections: Int
    ) {
        self.agent = agent
        self.path = path
        self.mode = mode
        self.owner = owner
        self.group = group
        self.allowedUIDs = allowedUIDs
        self.sender = sender
        self.receiver = receiver
        self.bandwidth = bandwidth
        self.maximumConnections = maximumConnections
    }
}

/// A user or a group. Whether it exists is not known.
package enum AccountSetting: Sendable, Hashable {
    case name(String)
    /// Not the highest number, which means nobody.
    case id(UInt32)
}

/// A peer to which this machine goes.
package struct PeerSettings: Sendable, Hashable {
    /// As ``ListenerSettings/agent``.
    package let agent: String
    package let connection: PeerConnectionSetting
    package let schedule: PeerScheduleSetting
    /// The schedule is delayed by a random time from zero to this; less than the time between two connections.
    package let jitter: TimeSpan
    /// What must hold before the schedule connects; nil for nothing.
    package let runConditions: RunConditionSettings?
    /// How long after a failure the peer is tried again, doubled with each further failure; more than zero, without
    /// setting 1 minute.
    package let retryAfter: TimeSpan
    /// What doubling leads to at most; not less than ``retryAfter``, without setting 1 hour.
    package let retryAtMost: TimeSpan
    /// How the peer may fetch; nil: not at all. At least one of sender and receiver is set.
    package let sender: SenderSettings?
    /// How this machine fetches from the peer; nil: not at all.
    package let receiver: ReceiverSettings?
    /// How fast data goes to the agent and comes from it, both together; empty: no limit.
    package let bandwidth: [BandwidthWindow]
    package let timeouts: TransferTimeoutSettings

    package init(
        agent: String, connection: PeerConnectionSetting, schedule: PeerScheduleSetting, jitter: TimeSpan,
        runConditions: RunConditionSettings?, retryAfter: TimeSpan, retryAtMost: TimeSpan, sender: SenderSettings?,
        receiver: ReceiverSettings?, bandwidth: [BandwidthWindow], timeouts: TransferTimeoutSettings
    ) {
        self.agent = agent
        self.connection = connection
        self.schedule = schedule
        self.jitter = jitter
        self.runConditions = runConditions
        self.retryAfter = retryAfter
        self.retryAtMost = retryAtMost
        self.sender = sender
        self.receiver = receiver
        self.bandwidth = bandwidth
        self.timeouts = timeouts
    }
}

/// How a peer is reached.
package enum PeerConnectionSetting: Sendable, Hashable {
    /// A UNIX socket: absolute, at most 107 bytes, which is what the kernel takes; not one of this machine's listeners.
    case socket(String)
    /// A program and its arguments, run without a shell; its standard input and output are the stream.
    case command([String])
    /// A storage in a directory, on a stick or a mounted share: absolute, apart from this machine's storage.
    case directory(String)
}

/// When a peer is connected to without being asked.
package enum PeerScheduleSetting: Sendable, Hashable {
    /// Only by hand.
    case never
    /// That long after the last connection began; more than zero.
    case every(TimeSpan)
    /// Each day at these times: at least one, ascending, each once.
    case at([TimeOfDay])
}
