import BackupModel

/// How one package differs between two states.
package struct PackageDifference: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        case added, removed, changed
    }

    package let kind: Kind
    package let manager: String
    package let root: String
    package let category: String?
    package let name: String
    package let architecture: String?
    /// The slot, where each side has one version in it.
    package let slot: String?
    /// Versions that are in the first state only, sorted.
    package let before: [String]
    /// Versions that are in the second state only, sorted.
    package let after: [String]

    package var fullName: String { category.map { $0 + "/" + name } ?? name }
}

extension PackageState {
    /// What must be done to come from `other` to this state, sorted by name.
    package func differences(since other: PackageState) -> [PackageDifference] {
        struct Group: Hashable {
            let identity: PackageIdentity
            let slot: String?
        }
        var groups: [Group: (before: [String], after: [String])] = [:]
        func group(_ identity: PackageIdentity, _ entry: Entry) -> Group {
            Group(identity: identity.anyVersion, slot: entry.slot.map { String($0.prefix { $0 != "/" }) })
        }
        for (identity, entry) in other.entries where entry.isInstalled {
            if let now = entries[identity], now.isInstalled, now.version == entry.version { continue }
            groups[group(identity, entry), default: ([], [])].before.append(entry.version)
        }
        for (identity, entry) in entries where entry.isInstalled {
            if let then = other.entries[identity], then.isInstalled, then.version == entry.version { continue }
            groups[group(identity, entry), default: ([], [])].after.append(entry.version)
        }
        // A side that knows no slot meets the one that does.
        for (key, value) in groups where key.slot == nil {
            let partners = groups.keys.filter { $0.identity == key.identity && $0.slot != nil }
            guard partners.count == 1, let partner = groups[partners[0]],
                value.before.isEmpty != partner.before.isEmpty || value.after.isEmpty != partner.after.isEmpty
            else { continue }
            groups[partners[0]] = (partner.before + value.before, partner.after + value.after)
            groups[key] = nil
        }
        return groups.map { key, value in
            PackageDifference(
                kind: value.before.isEmpty ? .added : value.after.isEmpty ? .removed : .changed,
                manager: key.identity.manager, root: key.identity.root, category: key.identity.category,
                name: key.identity.name, architecture: key.identity.architecture, slot: key.slot,
                before: value.before.sorted(), after: value.after.sorted())
        }.sorted { left, right in
            let (one, two) = (left.fullName, right.fullName)
            if one != two { return one.utf8.lexicographicallyPrecedes(two.utf8) }
            return [left.architecture ?? "", left.root, left.slot ?? "", left.manager]
                .lexicographicallyPrecedes([right.architecture ?? "", right.root, right.slot ?? "", right.manager])
        }
    }
}
