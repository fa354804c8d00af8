import BackupConfig
import BackupModel
import BackupSystem
import BackupTransfer
import Glibc
package import Logging
import ServiceLifecycle
import Synchronization
import UnixSignals

/// The transfer as a daemon: listens for agents, and goes to peers when their time has come.
///
/// SIGTERM and SIGINT end all connections; what was under way goes on where it stopped the next time. SIGHUP is not
/// listened to: a service manager restarts it, which loses nothing.
package final class TransferService: Service {
    private static let longestSleep: Int64 = 60

    private let host: TransferHost
    private let logger: Logger
    private let notifier = ServiceNotifier()
    private let wakeUp = WakeUp()

    package init(_ host: TransferHost, logger: Logger) {
        self.host = host
        self.logger = logger
    }

    /// Runs until it is asked to stop.
    ///
    /// - Throws: what keeps it from starting, `configuration` when there is nothing to do.
    package static func runAsProcess(_ host: TransferHost, logger: Logger) async throws {
        let settings = host.installation.main.transfer
        guard
            settings.listeners.contains(where: { $0.path != nil })
                || settings.peers.contains(where: { $0.schedule != .never })
        else {
            throw BackupError.nothingToServe(host.installation.configurationPath)
        }
        let service = TransferService(host, logger: logger)
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(20)
        try await ServiceGroup(configuration: configuration).run()
    }

    package func run() async throws {
        let settings = host.installation.main.transfer
        var listeners: [(socket: SocketConnectorService.Listener, settings: ListenerSettings)] = []
        for listener in settings.listeners {
            // Without a path it is for `gb transfer serve --stdio` alone.
            if let socket = try listener.forConnector() { listeners.append((socket, listener)) }
        }
        let inherited = try SocketActivation.sockets(for: listeners.map(\.socket.path))
        let start = StartCount(listeners.count)
        // Two services would fetch the same elements, and fight for the sockets.
        let lock = try TransferLock.acquire(host.installation)
        defer { lock.release() }
        // Listeners have their sockets there, as the control socket.
        try host.installation.makeRuntimeDirectory()
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for listener in listeners {
                    let service = SocketConnectorService(
                        listener.socket, try host.contexts.context(listener.settings), host.agent,
                        on: host.eventLoops
                    ) { self.logger.warning("\($0)") }
                    let (path, agent) = (listener.socket.path, listener.settings.agent)
                    let socket = inherited[path]
                    group.addTask {
                        try await service.run(inherited: socket) {
                            self.logger.info("listening on \(path) for \(agent)")
                            if start.isLast() { self.notifier.ready("waiting") }
                        }
                    }
                }
                if listeners.isEmpty { notifier.ready("waiting") }
                group.addTask { await self.goToPeers(settings) }
                group.addTask { try await ControlSocket(self.host).serve() }
                group.addTask { await self.untilShutdown() }
                // The first to end is either the shutdown or a listener that cannot listen.
                defer { group.cancelAll() }
                try await group.next()
                self.host.agent.stop(.transferStopped())
            }
        } onGracefulShutdown: {
            self.notifier.stopping()
            self.logger.info("stopping")
            self.wakeUp.signal()
        }
    }

    private func untilShutdown() async {
        try? await gracefulShutdown()
    }

    // MARK: - Peers

    private func goToPeers(_ settings: TransferSettings) async {
        let slots = AsyncSlots(settings.parallelPeers)
        await withDiscardingTaskGroup { group in
            for peer in settings.peers {
                group.addTask { await self.visit(peer, slots) }
            }
        }
        // Listeners go on without peers.
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
    }

    private func visit(_ peer: PeerSettings, _ slots: AsyncSlots) async {
        guard let name = try? AgentName(peer.agent) else { return }
        var schedule = PeerSchedule(
            peer, lastSuccess: host.records.record(of: name).lastSuccess, spread: Double.random(in: 0..<1))
        var conditions = RunConditions()
        while !Task.isCancelled, let next = schedule.next(now: host.installation.clock.now()) {
            let now = host.installation.clock.now()
            guard next <= now else {
                await sleep(min((next - now).seconds, Self.longestSleep))
                continue
            }
            if let obstacle = conditions.obstacle(
                peer.runConditions, now: now, uptime: MachineState.uptime(), load: MachineState.loadAverage())
            {
                logger.debug("\(peer.agent): \(obstacle)")
                await sleep(15)
                continue
            }
            await slots.acquire()
            let isGood = await round(peer)
            slots.release()
            schedule.ended(
                well: isGood, at: host.installation.clock.now(), spread: Double.random(in: 0..<1))
        }
    }

    private func round(_ peer: PeerSettings) async -> Bool {
        do throws(BackupError) {
            let outcome = try await host.round(with: peer)
            let summary = outcome.summary
            if let failure = outcome.failure { throw failure }
            logger.info(
                "\(peer.agent): \(summary.stored) elements (\(ByteCount(summary.bytes))) fetched, \(summary.present) were here, \(summary.refused) refused"
            )
            return true
        } catch {
            if !Task.isCancelled { logger.warning("\(peer.agent): \(error)") }
            return false
        }
    }

    private func sleep(_ seconds: Int64) async { try? await Task.sleep(for: .seconds(max(1, seconds))) }
}

/// Tells when the last of several parts has started.
private final class StartCount: Sendable {
    private let missing: Atomic<Int>

    init(_ count: Int) { missing = Atomic(count) }

    func isLast() -> Bool { missing.subtract(1, ordering: .relaxed).newValue == 0 }
}
