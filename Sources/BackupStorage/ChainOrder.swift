import BackupModel

/// Puts the elements of one source into the order of their chain, as ``ElementChain`` does, with about 60 bytes for each.
///
/// UUIDs are compared by a hash of 8 bytes; where two meet in it, which nobody can bring about, the order is another.
struct ChainOrder {
    private struct Entry {
        let time: Int64
        let name: CompactName
        /// Of the UUID; that of the predecessor. 0 stands for none.
        let uuid: UInt64
        let predecessor: UInt64
    }

    private var entries: [Entry] = []

    mutating func add(_ element: StoredElement) {
        guard let name = CompactName(element.id) else { return }
        entries.append(
            Entry(
                time: element.metadata.timestamp.seconds, name: name,
                uuid: element.metadata.uuid?.compactHash ?? 0,
                predecessor: element.metadata.predecessor?.compactHash ?? 0))
    }

    /// Calls `body` with each, oldest first; empties the list.
    mutating func forEach(_ body: (CompactName) throws(BackupError) -> Void) throws(BackupError) {
        // By time first, so that whatever the chain leaves open is decided by time.
        entries.sort { ($0.time, $0.name) < ($1.time, $1.name) }
        let sorted = entries
        entries = []
        let positions = Positions(sorted)
        // The followers of each as a list linked through the positions: the first of each, the next of the same one.
        var firstFollower = [Int32](repeating: -1, count: sorted.count)
        var nextFollower = [Int32](repeating: -1, count: sorted.count)
        var isRoot = [Bool](repeating: true, count: sorted.count)
        for position in sorted.indices.reversed() {
            guard let previous = positions[sorted[position].predecessor], previous != position else { continue }
            isRoot[position] = false
            nextFollower[position] = firstFollower[previous]
            firstFollower[previous] = Int32(position)
        }
        var isPlaced = [Bool](repeating: false, count: sorted.count)
        for root in sorted.indices where isRoot[root] {
            // The place to go on where a chain forks: a follower that is done is passed over.
            var open = [Int32(root)]
            while let next = open.popLast() {
                let position = Int(next)
                // Pushed first, met last: the branch of the next follower comes after all that follows this one.
                if nextFollower[position] >= 0 { open.append(nextFollower[position]) }
                if firstFollower[position] >= 0 { open.append(firstFollower[position]) }
                guard !isPlaced[position] else { continue }
                isPlaced[position] = true
                try body(sorted[position].name)
            }
        }
        // Predecessors in a circle: by time.
        for position in sorted.indices where !isPlaced[position] { try body(sorted[position].name) }
    }

    /// Where each UUID stands first: a table of open addresses, up to three times as long as the list.
    private struct Positions {
        private let entries: [Entry]
        private var table: [Int32]

        init(_ entries: [Entry]) {
            self.entries = entries
            var size = 4
            while size < entries.count + entries.count / 2 { size *= 2 }
            table = [Int32](repeating: -1, count: size)
            for (position, entry) in entries.enumerated() where entry.uuid != 0 {
                let slot = slot(of: entry.uuid)
                if table[slot] < 0 { table[slot] = Int32(position) }
            }
        }

        subscript(hash: UInt64) -> Int? {
            if hash == 0 { return nil }
            let position = table[slot(of: hash)]
            return position < 0 ? nil : Int(position)
        }

        /// Where the hash is, or would be.
        private func slot(of hash: UInt64) -> Int {
            let mask = table.count - 1
            var slot = Int(truncatingIfNeeded: hash) & mask
            while table[slot] >= 0, entries[Int(table[slot])].uuid != hash { slot = (slot + 1) & mask }
            return slot
        }
    }
}
