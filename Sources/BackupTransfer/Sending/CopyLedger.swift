package import BackupModel
package import BackupStorage
package import BackupSystem
import Synchronization

/// Writes down who holds what, one at a time: two agents that confirm the same element at once must both be remembered.
///
/// Another process, which speaks with another agent, may write at the same moment: the storage lets it wait. A confirmation that
/// is lost all the same leads to one more offer, never to a deletion.
package final class CopyLedger: Sendable {
    private let storage: any ElementStorage
    private let clock: any WallClock
    private let turn = Mutex<Void>(())

    package init(_ storage: any ElementStorage, clock: any WallClock = SystemClock()) {
        self.storage = storage
        self.clock = clock
    }

    /// Notes that `agent` holds these elements; durable on return. Gives each record as it is now, in order.
    package func confirm(
        _ confirmed: [ConfirmedElement], by agent: AgentName
    ) -> [Result<CopyRecord, BackupError>] {
        turn.withLock { _ in
            let name: AttributeName
            do throws(BackupError) { name = try CopyRecord.attributeName() } catch {
                return confirmed.map { _ in .failure(error) }
            }
            // An element that is confirmed twice has one record.
            var records: [ElementID: CopyRecord] = [:]
            let written = storage.changeAttribute(name, of: confirmed.map(\.element.id)) {
                [clock] number, old throws(BackupError) in
                var record = try old.map { bytes throws(BackupError) in try CopyRecord(parsing: bytes) } ?? CopyRecord()
                record.confirm(agent, at: clock.now(), receipt: confirmed[number].receipt)
                records[confirmed[number].element.id] = record
                return record.text
            }
            return zip(confirmed, written).map { one, result in
                result.map { records[one.element.id] ?? CopyRecord() }
            }
        }
    }
}
