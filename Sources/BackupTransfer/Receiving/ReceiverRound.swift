import BackupModel
import BackupStorage
import BackupSystem
import NIOCore

/// One round of fetching everything that an agent offers and our policy wants.
struct ReceiverRound {
    let connection: PeerConnection
    let context: TransferContext
    let policy: ReceiverPolicy
    let environment: TransferEnvironment
    let judge: ArrivalJudge

    init(
        _ connection: PeerConnection, _ context: TransferContext, _ policy: ReceiverPolicy,
        _ environment: TransferEnvironment
    ) {
        self.connection = connection
        self.context = context
        self.policy = policy
        self.environment = environment
        judge = ArrivalJudge(environment, policy, of: context.agent)
    }

    /// Asks what the agent offers, and fetches it.
    ///
    /// What ended the round early is part of the outcome; what was stored until then stays.
    func run() async -> ConnectionOutcome {
        environment.arrivals.join(judge)
        defer { environment.arrivals.leave(judge) }
        do throws(BackupError) { return try await begin() } catch {
            return ConnectionOutcome(summary: RoundSummary(), failure: error)
        }
    }

    private func begin() async throws(BackupError) -> ConnectionOutcome {
        let greeting = PeerGreeting(
            protocolVersion: 2, features: JsonStreamServerProtocolRequestHandler.features,
            agent: environment.ownName?.description, software: environment.software)
        let asked = PeerRequest.getPolicyInfo(context.limits.maximumVersion >= 2 ? greeting : nil)
        let answer = try PolicyAnswer(parsing: try await connection.ask(asked))
        let mirror = MirrorTracker(context, policy, environment, hidesConfirmed: answer.hidesConfirmed)
        switch answer.form {
        case .version1(nil), .version2(policy: nil, _, _, _):
            // Nothing can be fetched there.
            return ConnectionOutcome(summary: RoundSummary(), failure: nil)
        case .version1:
            try await prepare(mayResume: false)
            return await SingleRound(round: self).run(mirror)
        case .version2(_, let features, _, _):
            connection.setClientVersion(2)
            guard features.contains("listing") else { throw .noListing(context.agent) }
            try await prepare(mayResume: true)
            return await PipelinedRound(
                round: self, features: Set(features).intersection(JsonStreamServerProtocolRequestHandler.features)
            ).run(mirror)
        }
    }

    private func prepare(mayResume: Bool) async throws(BackupError) {
        let judge = judge
        try await environment.blocking { () throws(BackupError) in
            try judge.prepare()
            try judge.trimPartials(mayResume: mayResume)
        }
    }

    /// - Throws: `policyViolation` when the agent has offered more elements than it may in a round.
    func checkNumber(_ committer: GroupCommitter) async throws(BackupError) {
        guard await committer.summary.offered > policy.maximumElements else { return }
        throw .tooManyOffered(context.agent, policy.maximumElements)
    }

    /// Runs `fetch` beside a committer that stores what arrives, and brings both to an end.
    func withCommitter(
        _ mirror: MirrorTracker?,
        confirm: (@Sendable ([ElementConfirmation]) async throws(BackupError) -> Void)?,
        _ fetch: (GroupCommitter) async throws(BackupError) -> Void
    ) async -> ConnectionOutcome {
        let committer = GroupCommitter(context.agent, environment, policy, judge, mirror, confirm: confirm)
        let ticker = Task { await committer.flushWhatWaits() }
        defer { ticker.cancel() }
        var failure: BackupError?
        do throws(BackupError) {
            try await fetch(committer)
            try await committer.finish()
            if let mirror {
                try await environment.blocking { () throws(BackupError) in try mirror.retireOthers() }
            }
        } catch {
            failure = error
            // What has arrived whole is worth keeping, if the disk takes it.
            try? await committer.finish()
            await committer.stop(error)
        }
        let storage = environment.storage
        try? await environment.blocking { storage.endArrivals() }
        var summary = await committer.summary
        // That a medium is full is no fault.
        if policy.room == nil { summary.withoutRoom = judge.lackingRoom }
        return ConnectionOutcome(summary: summary, failure: failure)
    }
}
