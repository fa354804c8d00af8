import BackupModel

/// Answers what was installed at a moment before a snapshot: the records after that moment are given in the order of the log, and
/// what each package was before its first change follows from that change. Memory grows with the packages, not with the
/// records.
package struct StateBefore: Sendable {
    private let snapshot: PackageState
    private(set) var first: [PackageIdentity: PackageState.Entry?] = [:]

    /// - Parameter snapshot: the state after all the records that will be given.
    package init(_ snapshot: PackageState) { self.snapshot = snapshot }

    /// Takes the next record after the moment.
    package mutating func take(_ record: PackageRecord) {
        guard record.event.changesState, let identity = PackageIdentity(record) else { return }
        if let before = first[identity] {
            // What was not there at the moment and is not there now need not be remembered: a version of a package that came
            // and went. Where the version is no part of it, another one is just about to come.
            let cameAndWent = before == nil && record.event == .uninstall && snapshot[identity] == nil
            if cameAndWent, identity.version != nil { first.removeValue(forKey: identity) }
            return
        }
        switch record.event {
        case .uninstall:
            var before = PackageState.Entry(record)
            before.state = "installed"
            first[identity] = .some(before)
        case .install:
            // An upgrade without a removal of its own, where one version replaces the other.
            if identity.version == nil, let old = record.otherVersion {
                var before = PackageState.Entry(record)
                before.version = old
                before.state = "installed"
                before.installed = nil
                first[identity] = .some(before)
            } else {
                first[identity] = .some(nil)
            }
        default: break
        }
    }

    /// The state at the moment.
    package var state: PackageState { state(before: snapshot) }

    /// The state at the moment, where the snapshot is known only when all records were given.
    package func state(before snapshot: PackageState) -> PackageState {
        var state = snapshot
        for (identity, entry) in first { state.set(identity, entry) }
        return state
    }
}
