package import BackupModel

/// Finds the place in a sequence of records that belongs to a moment. The order of a log is the truth and its clock may jump, so
/// records are never sorted by time: the cut is where the fewest records stand on the wrong side.
package struct TimeCut: Sendable {
    private let moment: Timestamp
    private var count = 0
    /// How many records less are on the wrong side when the cut is behind all that were seen, compared with before the first.
    private var gain = 0
    private var best = 0

    /// How many records from the first on belong to the time up to the moment.
    package private(set) var index = 0

    package init(_ moment: Timestamp) { self.moment = moment }

    /// Takes the next record. Those without a time go with the ones before them.
    package mutating func take(_ record: PackageRecord) { take(record.finished ?? record.started) }

    package mutating func take(_ time: Timestamp?) {
        count += 1
        guard let time else {
            if index == count - 1 { index = count }
            return
        }
        gain += time <= moment ? 1 : -1
        // Of places that are equally good the last one that ends with a record of the time.
        if time <= moment, gain >= best {
            best = gain
            index = count
        }
    }
}
