package import BackupModel

extension PeerConnection {
    /// What a connection may use, and for how long it may be silent.
    package struct Limits: Sendable {
        package var protocolLimits = ProtocolLimits()
        /// Seconds without a request in either direction after which the connection is closed.
        package var idleTimeout = TimeSpan(seconds: 600)
        /// Seconds without progress while the peer owes an answer, or does not take what it asked for, after which the
        /// connection is closed. Progress is a whole message, or 4096 bytes of one.
        package var stallTimeout = TimeSpan(seconds: 300)

        /// The newest version of the protocol that is spoken: 1 or 2.
        package var maximumVersion = 2

        package init() {}
    }
}
