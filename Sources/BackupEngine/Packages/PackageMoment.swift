package import BackupModel
package import BackupPackages

/// The last moment before a package changed.
package struct PackageMoment: Sendable {
    /// The change.
    package let record: PackageRecord
    package let moment: Timestamp
    /// What there is to say of it, as sentences.
    package let notes: [String]
}

extension PackageQuestions {
    /// The last moment before the last installation that a pattern selects, or else the last removal, or before an earlier
    /// one.
    ///
    /// - Parameters:
    ///   - occurrence: 1 for the last, up to ``ChangeSearch/maximumOccurrence``.
    ///   - bound: changes that began later do not count; `nil` for all.
    /// - Throws: `notFound` when there is none, with names that are near.
    package func moment(
        before pattern: PackagePattern, occurrence: Int = 1, notAfter bound: Timestamp? = nil
    ) async throws(BackupError) -> PackageMoment {
        try await run { () throws(BackupError) in
            var search = ChangeSearch(pattern, occurrence: occurrence, notAfter: bound)
            let end = try history.forEachRecord { search.take($0) }
            try end.checkLog()
            guard let record = search.change else {
                if search.count > 0 { throw .tooFewChanges(pattern.description, search.count, occurrence) }
                if let inferred = search.lastInferred { throw .onlyInferred(pattern.description, inferred) }
                if search.laterCount > 0 { throw .onlyLaterChanges(pattern.description, search.laterCount) }
                // A database that cannot be read only makes the refusal shorter.
                let isInstalled = ((try? history.present())?.packages ?? []).contains {
                    $0.isInstalled && pattern.matches($0)
                }
                throw .noChange(pattern.description, isInstalled: isInstalled, near: try near(pattern))
            }
            guard let moment = search.moment else { throw .changeWithoutTime(pattern.description) }
            var notes = try history.remarks() + end.notes
            if record.zoneOffset == nil, Self.localTimes.contains(record.manager) {
                notes.append(PackageNote.unknownZone)
            }
            if occurrence == 1, let inferred = search.lastInferred, let time = inferred.finished, time > moment {
                notes.append(PackageNote.laterInferred(inferred, time))
            }
            return PackageMoment(record: record, moment: moment, notes: notes)
        }
    }

    /// What somebody may have meant: the versions of the package that is named, or else names that are like it.
    private func near(_ pattern: PackagePattern) throws(BackupError) -> [String] {
        let text = pattern.description
        let literal = String((text.hasPrefix("=") ? text.dropFirst() : text[...]).prefix { !"*?".contains($0) })
        var versions: [String] = []
        var names: Set<String> = []
        _ = try history.forEachRecord { record in
            guard record.event == .install || record.event == .uninstall, let name = record.name,
                let fullName = record.fullName, names.count < StateChain.maximumPackages
            else { return }
            names.insert(fullName)
            let isNamed = [name, fullName].contains { known in
                literal.hasPrefix(known)
                    && (literal.utf8.dropFirst(known.utf8.count).first.map { "-=:".utf8.contains($0) } ?? true)
            }
            guard isNamed, let version = record.version else { return }
            let shown = fullName + "-" + version
            versions.removeAll { $0 == shown }
            versions.append(shown)
            if versions.count > Self.shownNames { versions.removeFirst() }
        }
        if !versions.isEmpty { return versions }
        let sorted = names.sorted()
        let parts = sorted.filter { !literal.isEmpty && ($0.contains(literal) || $0.hasSuffix("/" + literal)) }
        if !parts.isEmpty { return Array(parts.prefix(Self.shownNames)) }
        // A person may leave out the category, a version may stand behind the name.
        let bare = Dictionary(sorted.map { ($0.split(separator: "/").last.map(String.init) ?? $0, $0) }) { one, _ in one
        }
        if let name = Spelling.nearest(to: literal, of: sorted) { return [name] }
        return Spelling.nearest(to: literal, of: bare.keys.sorted()).flatMap { bare[$0] }.map { [$0] } ?? []
    }

    private static let shownNames = 5
    /// Managers whose logs have local times.
    private static let localTimes: Set<String> = ["dpkg", "pacman"]
}
