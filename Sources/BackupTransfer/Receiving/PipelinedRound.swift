import BackupModel
import BackupStorage
import BackupSystem
import NIOCore
import Synchronization

/// Fetching in version 2: pages of offers, as many streams on their way as the protocol allows, confirmations in groups.
struct PipelinedRound {
    /// Offers that are held to be put in order; what comes behind them is fetched as it is listed.
    private static let maximumOrdered = 20_000
    private static let maximumOrderedBytes = 16 << 20

    let round: ReceiverRound
    /// What both sides know.
    private let features: Set<String>
    private var connection: PeerConnection { round.connection }

    init(round: ReceiverRound, features: Set<String>) {
        self.round = round
        self.features = features
    }

    func run(_ mirror: MirrorTracker?) async -> ConnectionOutcome {
        let connection = connection
        let confirmations = ConfirmationAnswers(round.context.agent)
        return await round.withCommitter(mirror) { confirmed throws(BackupError) in
            for part in ConfirmationParts.split(
                confirmed, limit: connection.limits.protocolLimits.frameLength,
                withReceipts: features.contains("receipts"))
            {
                try await connection.send(.confirmElements(part), to: confirmations)
            }
        } _: { committer throws(BackupError) in
            var waiting = FetchOrder(isEndangeredFirst: round.policy.order == .endangeredFirst)
            var next = try await page(after: nil)
            while true {
                let current = next
                // Asked for before the streams of this page, so that its answer does not have to wait for the link.
                async let following = followingPage(current.next)
                for offer in try await judged(current, committer, mirror) { waiting.add(offer) }
                while waiting.count > 0, waiting.isReady(limit: Self.maximumOrdered, bytes: Self.maximumOrderedBytes),
                    let offer = waiting.removeFirst()
                {
                    try await fetch(offer, committer)
                }
                let page: ElementPage?
                do { page = try await following } catch let error as BackupError { throw error } catch {
                    throw .connectionBroken(error)
                }
                guard let page else { break }
                next = page
            }
            while let offer = waiting.removeFirst() { try await fetch(offer, committer) }
            // Answers come in order: this one comes when every stream has ended.
            try await waitForAnswers()
            try await committer.finish()
            try await waitForAnswers()
        }
    }

    /// Asks for something small: when its answer is there, so are all before it.
    private func waitForAnswers() async throws(BackupError) {
        let request: PeerRequest = features.contains("ping") ? .ping : .listElements(after: nil, limit: 1)
        _ = try await connection.ask(request)
    }

    private func followingPage(_ cursor: String?) async throws(BackupError) -> ElementPage? {
        guard let cursor else { return nil }
        return try await page(after: cursor)
    }

    private func page(after cursor: String?) async throws(BackupError) -> ElementPage {
        let limits = connection.limits.protocolLimits
        let answer = try await connection.ask(.listElements(after: cursor, limit: limits.elementsPerPage))
        let page = try ElementPage(parsing: answer, limits: limits)
        // A page that leads nowhere would be asked for again for ever.
        guard page.next == nil || (page.next != cursor && !page.elements.isEmpty) else { throw .listingStands() }
        return page
    }

    /// The offers of a page that are to be fetched; what is here already goes to the committer.
    private func judged(
        _ page: ElementPage, _ committer: GroupCommitter, _ mirror: MirrorTracker?
    ) async throws(BackupError) -> [FetchOrder.Offer] {
        let (judge, entries) = (round.judge, page.elements)
        let verdicts = try await round.environment.blocking { () throws(BackupError) in
            let verdicts = entries.map { entry -> ArrivalJudge.Verdict in
                switch entry {
                case .offered(let offer): judge.judge(offer.source, offer.metadata, size: offer.size)
                case .refused(_, let error): .refused(error)
                }
            }
            try judge.trimPartials()
            return verdicts
        }
        await committer.count { $0.offered += entries.count }
        try await round.checkNumber(committer)
        var offers: [FetchOrder.Offer] = []
        for (entry, verdict) in zip(entries, verdicts) {
            guard case .offered(let offer) = entry else {
                mirror?.listingIsIncomplete()
                if case .refused(let id, let error) = entry { await committer.refuse(id ?? "an element", error) }
                continue
            }
            if let mirror, let local = try? round.policy.localSource(offer.source) {
                mirror.announce(local, offer.metadata)
            }
            switch verdict {
            case .fetch(let local): offers.append(FetchOrder.Offer(offer: offer, local: local))
            case .present(let id, let sha512, let size):
                try await committer.add(
                    Arrival(
                        id: offer.id, metadata: offer.metadata, size: size, sha512: sha512, resumedAt: 0, pending: nil,
                        present: id))
            case .presentForNow: await committer.count { $0.present += 1 }
            case .underWay: await committer.count { $0.underWay += 1 }
            case .unwanted: await committer.count { $0.unwanted += 1 }
            case .refused(let error): await committer.refuse(offer.id, error)
            }
        }
        return offers
    }

    private func fetch(_ offer: FetchOrder.Offer, _ committer: GroupCommitter) async throws(BackupError) {
        let (environment, agent, judge) = (round.environment, round.context.agent, round.judge)
        let isLarge = offer.offer.size > ElementFetch.maximumInMemory
        let job: ElementFetch
        do throws(BackupError) {
            let make = { @Sendable () throws(BackupError) in
                try ElementFetch(
                    offer.offer, local: offer.local, environment, agent: agent, judge: judge, committer: committer,
                    mayResume: true)
            }
            job = isLarge ? try await environment.blocking(make) : try make()
        } catch {
            judge.failed(offer.local, offer.offer.metadata)
            // What lies in the way of one element is in nobody else's.
            guard [.busy, .damaged, .untrusted].contains(error.code) else { throw error }
            return await committer.refuse(offer.offer.id, error)
        }
        try await connection.send(.readElement(id: offer.offer.id, offset: job.offset), to: job)
    }
}

/// Takes the answers to confirmations: what the sender has not let go stays with it, which is its policy's matter.
private final class ConfirmationAnswers: AnswerConsumer {
    private let agent: AgentName

    init(_ agent: AgentName) { self.agent = agent }

    func part(_ bytes: ByteBuffer) async throws(BackupError) { throw .unexpectedStream() }

    func end(_ result: Result<ByteBuffer, AnswerError>) async throws(BackupError) {
        switch result {
        case .success(let answer): _ = try ConfirmationAnswer(parsing: answer)
        case .failure(.refused(let failure)): throw .remoteRefused(failure)
        case .failure(.broken): break
        }
    }
}
