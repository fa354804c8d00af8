package import BackupModel
package import BackupPackages
package import BackupRestore
import BackupStorage
import Synchronization

/// The history of the packages of a machine as the elements of a storage have it.
///
/// Everything is read through once and checked, with the SHA-512 and UUID of each element, before the first record is handed
/// over: nothing that is printed comes from an element that turns out to be damaged.
package final class StoredPackages: PackageHistory {
    package let machine: String
    private let state: PackageStateSource
    private let payload: ElementPayload
    private let passesDamaged: Bool
    private let room: Int
    private let surveyed = Mutex<Survey?>(nil)

    /// What reading everything through has found out.
    private struct Survey: Sendable {
        var chain = StateChain()
        /// The element of each part of the chain.
        var elements: [StoredElement] = []
        /// Where in them each is.
        var numbers: [ElementUUID: Int] = [:]
        /// The lines of their changes, as far as there was room: undoing small elements takes far longer than reading them.
        var changes: [[UInt8]?] = []
        /// Bytes that are left for them.
        var room: Int
        var remarks: [String] = []
    }

    /// Reads nothing yet.
    ///
    /// - Parameters:
    ///   - session: of the storage in which the elements are.
    ///   - passesDamaged: whether an element that cannot be read is passed over, as if it were not there.
    ///   - room: bytes of changes that are kept in memory, so that they need not be undone again.
    package init(
        _ state: PackageStateSource, _ session: RestoreSession, passesDamaged: Bool = false, room: Int = 16 << 20
    ) {
        self.room = room
        self.state = state
        self.passesDamaged = passesDamaged
        machine = state.machine ?? LocalMachine.unregistered
        payload = ElementPayload(session: session)
    }

    // MARK: - History

    package func forEachRecord(
        _ body: (PackageRecord) throws(BackupError) -> Void
    ) throws(BackupError) -> PackageHistoryEnd {
        let survey = try survey()
        for (number, part) in survey.chain.parts.enumerated() where part.isUsed {
            for record in part.before { try body(record) }
            var cutoff = part.cutoff
            try read(survey, number) { record throws(BackupError) in
                if cutoff.passes(record) { try body(record) }
            }
            for record in part.after { try body(record) }
        }
        var end = PackageHistoryEnd()
        end.knownSince = survey.chain.knownSince
        return end
    }

    package func present() throws(BackupError) -> PackageSnapshot? { try survey().chain.present }

    package func remarks() throws(BackupError) -> [String] { try survey().remarks }

    package func contradictions() throws(BackupError) -> PackageContradictions? {
        let survey = try survey()
        return PackageContradictions(
            checked: survey.chain.checked,
            found: survey.chain.contradictions.map { (survey.elements[$0.part].id, $0.comparison) })
    }

    // MARK: - Reading through

    private func survey() throws(BackupError) -> Survey {
        if let known = surveyed.withLock({ $0 }) { return known }
        let survey = try readThrough()
        surveyed.withLock { $0 = survey }
        return survey
    }

    private func readThrough() throws(BackupError) -> Survey {
        var survey = Survey(room: room)
        var remarks = PackageRemarks()
        var damaged: [(ElementID, BackupError)] = state.damaged
        if !passesDamaged, let (id, error) = damaged.first { throw .stateUnreadable(id, error) }
        for element in state.elements {
            // A copy is dear: it makes the next change copy all that is known of the packages.
            let before = passesDamaged ? survey.chain : StateChain()
            do throws(BackupError) { try take(element, &survey, &remarks) } catch {
                guard passesDamaged, error.code == .damaged else { throw .stateUnreadable(element.id, error) }
                survey.chain = before
                damaged.append((element.id, error))
            }
        }
        try survey.chain.finish()
        guard let newest = survey.chain.newest else { throw .noFullState(state.source) }
        remarks.take(survey.chain, survey.elements.map(\.id))
        for (id, error) in damaged { remarks.add(PackageNote.passedOver(id, error)) }
        survey.remarks = [PackageNote.asOf(newest, state.source)] + remarks.sentences
        return survey
    }

    private func take(
        _ element: StoredElement, _ survey: inout Survey, _ remarks: inout PackageRemarks
    ) throws(BackupError) {
        guard element.isPackageState else { throw .noStateInside(element.id) }
        try element.checkIdentity()
        let predecessor = element.metadata.predecessor
        let before = predecessor.flatMap { survey.numbers[$0] }
        let follows = before != nil && before == survey.elements.count - 1
        let link = StateChain.Link(
            isFull: element.metadata.type == .full, time: element.metadata.timestamp, follows: follows,
            isBeginning: predecessor == nil || element.isFromBeginning, branch: follows ? nil : before)
        var overlap = survey.chain.overlap(link)
        if overlap != nil {
            var reader = StateElementReader(isFull: link.isFull, wantsChangesOnly: true)
            try payload.forEachPiece(of: element) { piece throws(BackupError) in
                try reader.take(piece) { line in if case .change(let record) = line { overlap?.take(record) } }
            }
        }
        var chain = StateChain()
        swap(&chain, &survey.chain)
        defer { swap(&chain, &survey.chain) }
        try chain.begin(link, overlap)
        var reader = StateElementReader(isFull: element.metadata.type == .full)
        var changes: [UInt8]? = []
        try payload.forEachPiece(of: element) { piece throws(BackupError) in
            let isBeforeSnapshot = reader.snapshotOffset == nil
            try reader.take(piece) { line throws(BackupError) in try chain.take(line) }
            guard isBeforeSnapshot else { return }
            changes?.append(contentsOf: piece)
            if let count = changes?.count, count > survey.room { changes = nil }
        }
        try chain.end()
        if let end = reader.snapshotOffset, let count = changes?.count, count > end {
            changes?.removeSubrange(Int(end)...)
        }
        survey.room -= changes?.count ?? 0
        survey.changes.append(changes)
        if let uuid = element.metadata.uuid { survey.numbers[uuid] = survey.elements.count }
        survey.elements.append(element)
        if reader.rejected.count > 0 { remarks.add(PackageNote.rejected(reader.rejected, in: element.id)) }
        if reader.unendedBytes > 0 { remarks.add(PackageNote.unended(reader.unendedBytes, in: element.id)) }
        if let schema = element.newerSchema { remarks.add(PackageNote.newerSchema(schema, element.id)) }
        if element.metadata.checksum == nil { remarks.add(PackageNote.unchecked(element.id)) }
    }

    /// Reads the changes of an element once more.
    private func read(
        _ survey: Survey, _ number: Int, _ body: (PackageRecord) throws(BackupError) -> Void
    ) throws(BackupError) {
        let element = survey.elements[number]
        var reader = StateElementReader(isFull: element.metadata.type == .full, wantsChangesOnly: true)
        func take(_ piece: UnsafeRawBufferPointer) throws(BackupError) {
            try reader.take(piece) { line throws(BackupError) in
                if case .change(let record) = line { try body(record) }
            }
        }
        guard let changes = survey.changes[number] else {
            return try payload.forEachPiece(of: element, take)
        }
        let result = changes.withUnsafeBytes { bytes -> Result<Void, BackupError> in
            do throws(BackupError) { return .success(try take(bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }
}
