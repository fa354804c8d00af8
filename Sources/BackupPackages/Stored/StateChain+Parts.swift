package import BackupModel

// What a chain is told of its elements, and what it tells of them.

extension StateChain {
    /// What the metadata of an element say.
    package struct Link: Sendable {
        package let isFull: Bool
        let time: Timestamp
        let follows: Bool
        let isBeginning: Bool
        let branch: Int?

        /// - Parameters:
        ///   - isFull: whether it has a snapshot.
        ///   - time: until when its changes go.
        ///   - follows: whether its predecessor is the element that was given before.
        ///   - isBeginning: whether its changes are all that the log had, whatever was read of it before.
        ///   - branch: the number of the part that is its predecessor, where that is an earlier one.
        package init(isFull: Bool, time: Timestamp, follows: Bool, isBeginning: Bool, branch: Int? = nil) {
            self.isFull = isFull
            self.time = time
            self.follows = follows
            self.isBeginning = isBeginning
            self.branch = branch
        }

        /// Whether the log was read once more, from its beginning or from an earlier place, so that no change is missing
        /// before the element.
        var isReadAgain: Bool { isBeginning || branch != nil }
    }

    /// How an element is read for its history, in this order: ``before``, its changes as far as ``cutoff`` lets them through,
    /// ``after``.
    package struct Part: Sendable {
        /// Whether the state is known here; otherwise the element is passed over.
        package internal(set) var isUsed = true
        /// What must have happened in the gap before it.
        package internal(set) var before: [PackageRecord] = []
        /// Which of its changes were not in the history before.
        package internal(set) var cutoff = StateCutoff()
        /// What brings the state in line with its snapshot, where the changes do not and it was not just being changed.
        package internal(set) var after: [PackageRecord] = []
        /// How many records of lines were known at its end.
        var known = 0
    }

    /// A time of which nothing is known but what was there before and afterwards.
    package struct Gap: Sendable, Hashable {
        package let from: Timestamp
        package let to: Timestamp
    }

    /// A snapshot that is not what the changes before it lead to.
    package struct Contradiction: Sendable {
        /// The number of its part.
        package let part: Int
        package internal(set) var comparison: PackageComparison
        /// When the snapshot was taken, and when the element before it was made.
        let time: Timestamp
        let previous: Timestamp
        let machine: String
    }
}
