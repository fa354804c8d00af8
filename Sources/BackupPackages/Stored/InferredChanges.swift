import BackupModel

// Changes that no log tells of: they follow from what was there before and afterwards.

extension PackageState {
    /// The changes that lead from another state to this one, as far as the packages of one snapshot go, marked as inferred.
    ///
    /// - Parameters:
    ///   - header: of the snapshot.
    ///   - root: the name that the states have for its root.
    ///   - start: the first moment at which they can have happened.
    ///   - end: when they are done.
    func changes(
        since other: PackageState, _ header: SnapshotHeader, root: String, from start: Timestamp, to end: Timestamp
    ) -> [PackageRecord] {
        differences(since: other).filter { $0.manager == header.manager && $0.root == root }.flatMap { found in
            func record(_ event: PackageEvent, _ version: String, other: String?) -> PackageRecord {
                var record = PackageRecord(
                    machine: header.machine, manager: found.manager, root: root, event: event,
                    category: found.category, name: found.name, version: version, completeness: .inferred)
                record.architecture = found.architecture
                record.slot = found.slot
                record.otherVersion = other
                record.started = start
                record.finished = end
                record.detail = "gap"
                return record
            }
            var records: [PackageRecord] = []
            for version in found.before {
                var removal = record(.uninstall, version, other: found.after.last)
                if !found.after.isEmpty { removal.cause = .replaced }
                records.append(removal)
            }
            for version in found.after {
                var installation = record(.install, version, other: found.before.last)
                if let identity = PackageIdentity(installation), let entry = self[identity] {
                    installation.repository = entry.repository
                    installation.installType = entry.installType
                    if entry.state != "installed" { installation.state = entry.state }
                }
                records.append(installation)
            }
            return records
        }
    }
}

extension StateChain.Contradiction {
    /// The changes that bring the state in line with the snapshot, after one that says so for each package.
    var changes: [PackageRecord] {
        comparison.records(machine: machine, at: time).map { record in
            var record = record
            record.started = previous.next
            return record
        }
    }
}

extension Timestamp {
    /// The first moment after it, as precise as times are.
    var next: Timestamp { Timestamp(seconds + 1) }
}
