import BackupModel
import BackupSystem

/// Keeps the partial files of one owner within what it may have.
struct PartialTrim {
    private struct Candidate {
        let directory: Directory
        /// Of the file with the bytes.
        let name: String
        let size: Int64
        let modified: Timestamp
    }

    let owner: String
    let directories: [Directory]

    /// - Returns: How many were removed.
    func run(beyond allowance: PartialAllowance) throws(BackupError) -> Int {
        var candidates: [Candidate] = []
        for directory in directories { candidates += try self.candidates(in: directory, allowance.sparing) }
        var bytes = candidates.reduce(0) { $0 + $1.size }
        var count = candidates.count
        func isTooMuch() -> Bool { count > allowance.count || allowance.bytes.map { bytes > $0 } ?? false }
        // Looked at only where something has to go.
        guard isTooMuch() else { return 0 }
        candidates.sort { ($0.modified, $0.name) < ($1.modified, $1.name) }
        var removed = 0
        for candidate in candidates where isTooMuch() {
            // Held: it grows just now, and somebody answers for it.
            guard let file = try PartialCleanup(candidate.directory).lock(candidate.name) else { continue }
            try PartialCleanup(candidate.directory).removeNames(of: candidate.name)
            file.descriptor.close()
            (bytes, count, removed) = (bytes - candidate.size, count - 1, removed + 1)
        }
        return removed
    }

    private func candidates(in directory: Directory, _ spared: Set<PartialKey>) throws(BackupError) -> [Candidate] {
        let spared = Set(spared.map(\.noteName))
        var notes: [String] = []
        try directory.forEachEntry { entry throws(BackupError) in
            if entry.name.hasSuffix(PartialKey.noteSuffix), !spared.contains(entry.name) { notes.append(entry.name) }
        }
        var found: [Candidate] = []
        for note in notes {
            let name = note.dropLast(PartialKey.noteSuffix.count) + PartialKey.dataSuffix
            guard let status = try directory.status(String(name)), status.kind == .regular,
                try PartialNote.read(note, in: directory, of: status)?.owner == owner
            else { continue }
            found.append(
                Candidate(directory: directory, name: String(name), size: status.size, modified: status.modified))
        }
        return found
    }
}
