import BackupConfig
package import BackupModel
import BackupStorage
import BackupSystem
package import BackupTransfer

/// How the transfers of an installation stand, for `gb transfer status`.
package struct TransferOverview: Sendable {
    package struct Agent: Sendable {
        package let name: AgentName
        package let record: AgentRecords.Record
        package let isConnected: Bool
        /// The elements that its sender policy would offer to it now and that it has not confirmed; `nil`: it is offered nothing.
        package let waiting: (count: Int, bytes: Int64)?
    }

    /// The number of the running service's process; `nil`: none answers.
    package let process: Int64?
    /// The configured agents, and others of which something is remembered.
    package let agents: [Agent]

    package static func make(_ installation: Installation) async throws(BackupError) -> TransferOverview {
        let running = await ControlSocket.ask(installation)
        let connected = (running?["connections"]?.arrayValue ?? []).compactMap { $0.objectValue?["agent"]?.stringValue }
        let state = try installation.stateDirectory()
        let records = try AgentRecords(stateDirectory: state)
        let storage = try installation.storage()
        let builder = ContextBuilder(installation, storage, records)
        var policies: [AgentName: any SenderPolicy] = [:]
        var names = Set(try records.all())
        let settings = installation.main.transfer
        for listener in settings.listeners {
            let context = try builder.context(listener)
            names.insert(context.agent)
            policies[context.agent] = context.senderPolicy
        }
        for peer in settings.peers {
            let context = try builder.context(peer)
            names.insert(context.agent)
            if let policy = context.senderPolicy { policies[context.agent] = policy }
        }
        let waiting = try count(policies, storage, installation.clock.now())
        return TransferOverview(
            process: running?["process"]?.integerValue,
            agents: names.sorted().map { name in
                Agent(
                    name: name, record: records.record(of: name), isConnected: connected.contains(name.description),
                    waiting: waiting[name])
            })
    }

    private static func count(
        _ policies: [AgentName: any SenderPolicy], _ storage: any ElementStorage, _ now: Timestamp
    ) throws(BackupError) -> [AgentName: (count: Int, bytes: Int64)] {
        var waiting = policies.mapValues { _ in (count: 0, bytes: Int64(0)) }
        guard !policies.isEmpty else { return waiting }
        try storage.forEachElement(matching: nil) { source, listed throws(BackupError) in
            guard case .element(let element) = listed else { return }
            for (name, policy) in policies {
                guard policy.filter.passes(source, element.metadata, size: element.size, now: now),
                    try policy.offers(element, to: name),
                    try !CopyRecord(of: element.id, in: storage).holds(name)
                else { continue }
                waiting[name]?.count += 1
                waiting[name]?.bytes += element.size
            }
        }
        return waiting
    }
}
