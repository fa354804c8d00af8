import BackupDigest
import BackupModel
import BackupStorage
import Synchronization

/// What makes two offers the same element here: the source it is stored as, and its UUID; without one, all it says.
struct ArrivalKey: Hashable {
    private enum Identity: Hashable {
        case uuid(ElementUUID)
        /// The SHA-512 of the metadata: they may be large.
        case text([UInt8])
    }

    let source: SourceURL
    private let identity: Identity

    init(_ source: SourceURL, _ metadata: ElementMetadata) {
        self.source = source
        identity = metadata.uuid.map { .uuid($0) } ?? .text(SHA512.hash(Array(metadata.text.utf8)))
    }

    init(_ source: SourceURL, uuid: ElementUUID) {
        self.source = source
        identity = .uuid(uuid)
    }
}

/// What the connections of this process are fetching, so that no two of them fetch the same element.
final class ArrivalRegistry: Sendable {
    private struct Member {
        weak var judge: ArrivalJudge?
    }

    private struct State {
        var holders: [ArrivalKey: ObjectIdentifier] = [:]
        var members: [ObjectIdentifier: Member] = [:]
    }

    private let state = Mutex(State())

    /// From now on `judge` hears what others store.
    func join(_ judge: ArrivalJudge) {
        state.withLock { $0.members[ObjectIdentifier(judge)] = Member(judge: judge) }
    }

    /// The round is over: what it did not get is free for others.
    func leave(_ judge: ArrivalJudge) {
        let number = ObjectIdentifier(judge)
        state.withLock { state in
            state.members[number] = nil
            state.holders = state.holders.filter { $0.value != number }
        }
    }

    /// Reserves an element; `false` when it is being fetched already, also by the same round.
    func claim(_ key: ArrivalKey, for judge: ArrivalJudge) -> Bool {
        state.withLock { state in
            guard state.holders[key] == nil else { return false }
            state.holders[key] = ObjectIdentifier(judge)
            return true
        }
    }

    func isClaimed(_ key: ArrivalKey) -> Bool { state.withLock { $0.holders[key] != nil } }

    func release(_ key: ArrivalKey, of judge: ArrivalJudge) {
        state.withLock { state in
            if state.holders[key] == ObjectIdentifier(judge) { state.holders[key] = nil }
        }
    }

    /// Tells the other rounds, then lets go: whoever may claim the element afterwards knows that it is here.
    func stored(_ metadata: ElementMetadata, as id: ElementID, size: Int64, by judge: ArrivalJudge) {
        let others = state.withLock { state in
            state.members.values.compactMap(\.judge).filter { $0 !== judge }
        }
        for other in others { other.storedElsewhere(metadata, as: id, size: size) }
        release(ArrivalKey(id.source, metadata), of: judge)
    }
}
