import BackupModel

/// Finds out what an element repeats of the changes that are known already, where the log was read once more: from its
/// beginning, or from where an element earlier than the last one had left off.
///
/// A record is recognised by the line that proves it, and by the record before it. Times do not tell, since clocks jump; they
/// decide only where no record is recognised. What no line says, since only the database showed it, is repeated when it says of
/// a package what is known of it already, and no new line tells of that package.
package struct StateOverlap: Sendable {
    /// The known records with their numbers, the last of several that are alike.
    private let known: [KnownRecords.Key: Int]
    private let numbers: Range<Int>
    private let time: Timestamp?
    private let isAllNew: Bool
    private let isNothingKnown: Bool

    /// Records that were taken.
    private var count = 0
    private var previous = Previous.none
    /// The last record that was recognised: how many were taken with it, and its number.
    private var match: (count: Int, number: Int)?

    private enum Previous { case none, unknown, known(Int) }

    /// What the database was known to have in place of what the lines say.
    private let facts: KnownRecords.Facts
    private var corrections: [Correction] = []
    /// The last record of a line about a package of which there are facts: how many were taken with it.
    private var lastLines: [PackageIdentity: Int] = [:]
    /// The first record of a line that is later than the element before, likewise.
    private var firstLater: Int?

    /// Records that no line says, of one package: a disagreement, and what follows from it.
    private struct Correction {
        var records: [Int]
        /// `nil` where no disagreement stands before it.
        let name: String?
        let category: String?
        var packages: [PackageIdentity] = []
        var isKnown = true
    }

    /// - Parameters:
    ///   - time: of the element before; `nil` where there is none that can be used.
    ///   - isAllNew: whether nothing was read since that place in the log.
    init(_ known: KnownRecords, newerThan time: Timestamp?, isAllNew: Bool) {
        self.known = isAllNew ? [:] : known.index
        self.numbers = known.numbers
        self.time = time
        self.isAllNew = isAllNew
        facts = known.facts
        isNothingKnown = known.isEmpty
    }

    /// Takes the next record of the element.
    package mutating func take(_ record: PackageRecord) {
        count += 1
        if record.isCorrection { return takeCorrection(record) }
        if record.event.changesState, let package = PackageIdentity(record), facts[package] != nil {
            lastLines[package] = count
        }
        if firstLater == nil, let time, let found = record.finished ?? record.started, found > time {
            firstLater = count
        }
        guard let key = KnownRecords.Key(record) else { return }
        guard let number = known[key] else { return previous = .unknown }
        let isConfirmed =
            switch previous {
            // What stands before it is not in the log any more.
            case .none: true
            case .known(let before): before < number
            // What stands before it is not known any more.
            case .unknown: number == numbers.lowerBound
            }
        previous = .known(number)
        if isConfirmed, number >= match?.number ?? 0 { match = (count, number) }
    }

    private mutating func takeCorrection(_ record: PackageRecord) {
        if record.event == .disagreement {
            return corrections.append(Correction(records: [count], name: record.name, category: record.category))
        }
        let last = corrections.last
        let belongs =
            last?.records.last == count - 1 && last?.name != nil && last?.name == record.name
            && last?.category == record.category
        if !belongs { corrections.append(Correction(records: [], name: nil, category: nil)) }
        let place = corrections.count - 1
        corrections[place].records.append(count)
        guard let package = PackageIdentity(record) else { return corrections[place].isKnown = false }
        corrections[place].packages.append(package)
        if facts[package]?[record.version ?? ""] != KnownRecords.Fact(record) { corrections[place].isKnown = false }
    }

    /// What of the element is new, when all its records were taken.
    var cutoff: StateCutoff {
        if let match { return StateCutoff(first: match.count, without: repeated(firstNew: match.count + 1)) }
        guard !isAllNew, !isNothingKnown, let time else { return StateCutoff(without: repeated(firstNew: 1)) }
        return StateCutoff(newerThan: time, without: repeated(firstNew: firstLater ?? .max))
    }

    /// The records of corrections that say nothing new.
    ///
    /// - Parameter firstNew: the first record of a line that is new.
    private func repeated(firstNew: Int) -> Set<Int> {
        var found: Set<Int> = []
        for correction in corrections where correction.isKnown && !correction.packages.isEmpty {
            guard correction.packages.allSatisfy({ (lastLines[$0] ?? 0) < firstNew }) else { continue }
            found.formUnion(correction.records)
        }
        return found
    }

    /// Whether it goes on exactly where the known records end.
    var reachesEnd: Bool { isAllNew || match.map { $0.number == numbers.upperBound - 1 } ?? false }
}

/// The last records of lines of the log, as far as they are needed to recognise them.
struct KnownRecords: Sendable {
    /// More than are repeated without one of them being among them.
    private static let limit = 4096

    private var keys: [Key] = []
    /// The place of the oldest, when there are as many as are kept.
    private var oldest = 0
    /// How many there were in all.
    private(set) var count = 0
    /// Whether no log has said anything, not even what cannot be recognised.
    private(set) var isEmpty = true
    private(set) var facts: Facts = [:]

    /// What the database has of packages, by version, as long as no line of the log tells of them again.
    typealias Facts = [PackageIdentity: [String: Fact]]

    enum Fact: Sendable, Hashable {
        case gone
        /// With the state, for managers that have more than two.
        case present(String?)

        /// What a correction says.
        init(_ record: PackageRecord) { self = record.event == .install ? .present(record.state) : .gone }
    }

    /// What recognises a record.
    struct Key: Sendable, Hashable {
        private let digest: UInt64
        private let rest: Int

        /// `nil` for what no line says.
        init?(_ record: PackageRecord) {
            guard let digest = record.position?.digest else { return nil }
            self.digest = digest
            var hasher = Hasher()
            hasher.combine(record.event)
            hasher.combine(record.category)
            hasher.combine(record.name)
            hasher.combine(record.version)
            // Not every log has the time in each line.
            hasher.combine(record.recorded)
            rest = hasher.finalize()
        }
    }

    /// Those that are kept, numbered from the first that there was.
    var numbers: Range<Int> { count - keys.count..<count }

    mutating func add(_ record: PackageRecord) {
        if !record.isCorrection { isEmpty = false }
        if record.event.changesState, let package = PackageIdentity(record) {
            if record.isCorrection {
                facts[package, default: [:]][record.version ?? ""] = Fact(record)
            } else if !facts.isEmpty {
                facts[package] = nil
            }
        }
        guard let key = Key(record) else { return }
        count += 1
        if keys.count < Self.limit { return keys.append(key) }
        keys[oldest] = key
        oldest = (oldest + 1) % Self.limit
    }

    /// The number of each, of those that are alike that of the last.
    var index: [Key: Int] {
        var index: [Key: Int] = [:]
        for (place, number) in numbers.enumerated() { index[keys[(oldest + place) % keys.count]] = number }
        return index
    }
}

extension PackageRecord {
    /// Whether it says what no line of the log does, since the database has shown it.
    var isCorrection: Bool { completeness == .inferred && position == nil }
}
