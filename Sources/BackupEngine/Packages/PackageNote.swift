import BackupModel
import BackupPackages

/// The sentences that go with an answer: what it rests on, and what it cannot know.
enum PackageNote {
    static func noLog(_ path: String) -> String {
        "there is no log \(path.escapedForMessage): nothing is known of the past but what the database says"
    }

    /// - Parameter moment: what was asked for.
    static func beginsLater(_ begin: Timestamp, _ moment: Timestamp) -> String {
        "the answer for \(moment) is incomplete: the log begins at \(begin); what changed before is not known, and what is "
            + "shown is what was there then"
    }

    static func noPast(_ moment: Timestamp) -> String {
        "the answer for \(moment) is incomplete: without a log it is what is installed now"
    }

    static func leftOut(_ count: Int, _ moment: Timestamp) -> String {
        "\(count == 1 ? "1 package that was" : "\(count) packages that were") built or installed after \(moment) in the version "
            + "that is known \(count == 1 ? "is" : "are") left out"
    }

    static func noDatabase(_ begin: Timestamp?) -> String {
        "the answer is incomplete: without a database nothing is known of packages that were installed before the log begins"
            + (begin.map { " at \($0)" } ?? "") + " and have not changed since"
    }

    static func disagreement(_ comparison: PackageComparison) -> String {
        let found = comparison.disagreements
        let names = found.prefix(5).map(\.fullName.escapedForMessage).joined(separator: ", ")
        return "log and database disagree on \(found.count == 1 ? "1 package" : "\(found.count) packages") (\(names)"
            + (found.count > 5 ? ", ..." : "") + "); `gb packages snapshot --check` lists them"
    }

    static func rejected(_ lines: RejectedLines) -> String {
        let isOne = lines.count == 1
        return
            "\(lines.count) \(isOne ? "line of the log does not fit and was" : "lines of the log do not fit and were") "
            + "passed over"
            + (lines.quotes.first.map { "; \(isOne ? "it is" : "the first is") at byte \($0.offset): \($0.text)" } ?? "")
    }

    static func unended(_ bytes: Int64) -> String {
        "the last line of the log has no end yet and was not read (\(bytes) bytes)"
    }

    static func pending(_ records: [PackageRecord]) -> String {
        let names = Set(records.compactMap(\.fullName)).sorted().prefix(5).map(\.escapedForMessage)
        return "changes that the log has begun and not ended are not shown: " + names.joined(separator: ", ")
            + (names.count < records.count ? ", ..." : "")
    }

    static let inconsistent = "the database changed while it was read"
}

extension PackageHistoryEnd {
    /// What there is to say of the log.
    var notes: [String] {
        var notes = oddities
        if let missingLog { notes.append(PackageNote.noLog(missingLog)) }
        if rejected.count > 0 { notes.append(PackageNote.rejected(rejected)) }
        if unendedBytes > 0 { notes.append(PackageNote.unended(unendedBytes)) }
        return notes
    }
}

extension PackageSnapshot {
    /// What there is to say of the database.
    var notes: [String] {
        (header.isConsistent ? [] : [PackageNote.inconsistent]) + complaints.map(\.escapedForMessage)
    }
}
