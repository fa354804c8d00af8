import BackupModel
import BackupPackages
import BackupSystem
import Glibc

/// Which bytes of a log come next: the unread rest of the part that was read last, and the parts that are younger.
///
/// Only whole lines of the youngest part are taken. A part that was rotated away and is open for writing still is as good as
/// the youngest: what is written there belongs before all of the next part.
struct LogPlan: Sendable {
    struct Piece: Sendable {
        let file: PackageLogFile
        /// Bytes of the part, as if it had never been compressed.
        let from: Int64
        /// `nil` for its end.
        var to: Int64?
    }

    /// How what comes goes with what was taken before.
    enum Continuity: Sendable, Hashable {
        /// Nothing was taken before.
        case first
        case continues
        /// The bytes before are nowhere any more; what is there was not taken before. What was written in between is lost.
        case interrupted
        /// The log is an older or changed one, of which bytes were taken before: its pieces are all there is.
        case replaced
    }

    private(set) var pieces: [Piece]
    let continuity: Continuity
    /// The rotated part that somebody still writes into, or may write into, and why: what is younger waits.
    private(set) var heldBack: (name: String, reason: String)?

    /// How many of the last bytes are looked for elsewhere, the most first: what stood before them may have been cut away.
    /// Fewer might be those of another place.
    private static let searched = [LogBookmark.window, 1024, 256, 128]
    /// For so long a rotated part must not have changed where it cannot be told who has it open.
    private static let settle = TimeSpan(seconds: 60)

    /// - Parameters:
    ///   - parts: oldest first.
    ///   - bookmark: how far it was taken; `nil` to take all.
    init(
        _ parts: [PackageLogFile], after bookmark: LogBookmark?, now: Timestamp,
        openFiles: (Set<FileIdentity>) -> OpenFiles
    ) throws(BackupError) {
        var start: (part: Int, offset: Int64) = (0, 0)
        if let bookmark, bookmark.total > 0 {
            if let place = try Self.find(bookmark, parts) {
                continuity = .continues
                start = place
            } else {
                let known = try parts.map { part throws(BackupError) in try Self.isKnown(part, bookmark) }
                continuity = known.last == true ? .replaced : .interrupted
                if continuity == .interrupted { start.part = (known.lastIndex(of: true) ?? -1) + 1 }
            }
        } else {
            continuity = .first
        }
        pieces = parts.indices.dropFirst(start.part).map { index in
            Piece(file: parts[index], from: index == start.part ? start.offset : 0, to: nil)
        }
        if continuity == .continues, let bookmark { try leaveOutTaken(bookmark) }
        stopAtWriters(now, openFiles)
        try endAtLine()
    }

    // MARK: - Where it was

    private static func find(
        _ bookmark: LogBookmark, _ parts: [PackageLogFile]
    ) throws(BackupError) -> (part: Int, offset: Int64)? {
        let same = parts.indices.filter { parts[$0].inode == bookmark.inode && parts[$0].compression == nil }
        for index in same + parts.indices.reversed() where try holds(parts[index], bookmark) {
            return (index, bookmark.offset)
        }
        for length in searched where bookmark.tail.count >= length {
            var places: [(part: Int, offset: Int64)] = []
            for index in parts.indices.reversed() {
                places += try search(parts[index], bookmark.tail.suffix(length)).map { (index, $0) }
            }
            if places.count == 1 { return places[0] }
        }
        return nil
    }

    /// Whether the bytes before the place are those that were taken.
    private static func holds(_ part: PackageLogFile, _ bookmark: LogBookmark) throws(BackupError) -> Bool {
        let from = bookmark.offset - Int64(bookmark.tail.count)
        guard part.compression != nil else {
            guard part.size >= bookmark.offset else { return false }
            return try part.read(bookmark.tail.count, at: from) == bookmark.tail
        }
        var bytes: [UInt8] = []
        try part.forEachPiece(from: from, to: bookmark.offset) { bytes += $0 }
        return bytes == bookmark.tail
    }

    /// The offsets behind the places where `text` stands, at most ``mostPlaces``.
    private static func search(_ part: PackageLogFile, _ text: some Sequence<UInt8>) throws(BackupError) -> [Int64] {
        let text = Array(text)
        var found: [Int64] = []
        var window: [UInt8] = []
        var position: Int64 = 0
        try part.forEachPiece { piece in
            window += piece
            window.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                var from = 0
                while found.count < mostPlaces, bytes.count - from >= text.count,
                    let hit = memchr(base + from, CInt(text[0]), bytes.count - from - text.count + 1)
                {
                    let offset = base.distance(to: UnsafeRawPointer(hit))
                    if memcmp(hit, text, text.count) == 0 { found.append(position + Int64(offset + text.count)) }
                    from = offset + 1
                }
            }
            let kept = min(window.count, text.count - 1)
            position += Int64(window.count - kept)
            window = Array(window.suffix(kept))
        }
        return found
    }

    /// Two are one too many.
    private static let mostPlaces = 2

    private static func isKnown(_ part: PackageLogFile, _ bookmark: LogBookmark) throws(BackupError) -> Bool {
        let head = try head(part, LogBookmark.Beginning.window)
        return bookmark.beginnings.contains { beginning in
            head.count >= beginning.length
                && LogBookmark.Beginning(Array(head.prefix(beginning.length))) == beginning
        }
    }

    /// The first bytes of a part, at most `count`.
    private static func head(_ part: PackageLogFile, _ count: Int) throws(BackupError) -> [UInt8] {
        var head: [UInt8] = []
        try part.forEachPiece(to: Int64(count)) { head += $0 }
        return head
    }

    // MARK: - How far

    private mutating func stopAtWriters(_ now: Timestamp, _ openFiles: (Set<FileIdentity>) -> OpenFiles) {
        let rotated = pieces.dropLast().filter { $0.file.compression == nil && !$0.file.isCurrent }
        guard !rotated.isEmpty else { return }
        let open = openFiles(Set(rotated.map(\.file.status.identity)))
        for (index, piece) in pieces.enumerated().dropLast()
        where piece.file.compression == nil && !piece.file.isCurrent {
            let reason: String
            if let writer = open.writers[piece.file.status.identity] {
                reason = "\(writer) has it open for writing"
            } else if open.blindSpot != nil, now - piece.file.status.modified < Self.settle {
                reason = "it was changed less than \(Self.settle) ago, and who has it open cannot be seen"
            } else {
                continue
            }
            heldBack = (piece.file.name, reason)
            pieces.removeLast(pieces.count - 1 - index)
            return
        }
    }

    /// Parts that were taken already, and stand behind the one that was read last: whoever changes how rotated parts are named
    /// changes their order.
    private mutating func leaveOutTaken(_ bookmark: LogBookmark) throws(BackupError) {
        for index in pieces.indices.dropFirst().reversed() where try Self.wasTaken(pieces[index].file, bookmark) {
            pieces.remove(at: index)
        }
    }

    /// As ``isKnown(_:_:)``, where it is certain: few bytes can be the beginning of many logs.
    private static func wasTaken(_ part: PackageLogFile, _ bookmark: LogBookmark) throws(BackupError) -> Bool {
        let window = LogBookmark.Beginning.window
        let head = try head(part, window + 1)
        return bookmark.beginnings.contains { beginning in
            guard beginning.length == window && head.count >= window || beginning.length == head.count else {
                return false
            }
            return LogBookmark.Beginning(Array(head.prefix(beginning.length))) == beginning
        }
    }

    /// Leaves out what has no end of a line yet.
    private mutating func endAtLine() throws(BackupError) {
        while var last = pieces.popLast() {
            guard let end = try Self.endOfLastLine(last) else { continue }
            last.to = end
            return pieces.append(last)
        }
    }

    private static func endOfLastLine(_ piece: Piece) throws(BackupError) -> Int64? {
        let newline = UInt8(ascii: "\n")
        if piece.file.compression != nil {
            var (position, end) = (piece.from, Int64?.none)
            try piece.file.forEachPiece(from: piece.from) { bytes in
                if let last = bytes.lastIndex(of: newline) { end = position + Int64(last) + 1 }
                position += Int64(bytes.count)
            }
            return end
        }
        var end = piece.file.size
        while end > piece.from {
            let start = max(piece.from, end - 65536)
            let bytes = try piece.file.read(Int(end - start), at: start)
            guard bytes.count == Int(end - start) else { throw .logCutMeanwhile(piece.file.name) }
            if let last = bytes.lastIndex(of: newline) { return start + Int64(last) + 1 }
            end = start
        }
        return nil
    }

    // MARK: - Taking

    /// Checks that the first and the last piece have before and behind them what they had: a log that was emptied and has
    /// grown again is longer than before, maybe, and another one.
    private func checkUnchanged(_ before: LogBookmark?, _ after: LogBookmark) throws(BackupError) {
        guard let first = pieces.first, let last = pieces.last else { return }
        if first.from > 0, first.file.compression == nil, let before {
            let count = min(before.tail.count, Int(first.from))
            guard try first.file.read(count, at: first.from - Int64(count)) == before.tail.suffix(count) else {
                throw .logCutMeanwhile(first.file.name)
            }
        }
        guard last.file.compression == nil, after.inode == last.file.inode else { return }
        let start = after.offset - Int64(after.tail.count)
        guard try last.file.read(after.tail.count, at: start) == after.tail else {
            throw .logCutMeanwhile(last.file.name)
        }
    }

    /// Hands over the bytes, in order, and says how far they go.
    ///
    /// - Parameter bookmark: where the plan began.
    /// - Throws: what `body` throws; `busy` when a part was emptied or written anew since it was opened: what was taken of it is
    ///   not what it held.
    func forEachPiece(
        after bookmark: LogBookmark?, _ body: (UnsafeRawBufferPointer) throws(BackupError) -> Void
    ) throws(BackupError) -> LogBookmark {
        var taking = LogTaking(bookmark)
        for piece in pieces {
            taking.begin(piece.file, at: piece.from)
            var position = piece.from
            try piece.file.forEachPiece(from: piece.from, to: piece.to) { bytes throws(BackupError) in
                position += Int64(bytes.count)
                taking.take(bytes)
                try body(bytes)
            }
            guard piece.file.compression == nil else { continue }
            guard position == piece.to ?? piece.file.size, try piece.file.sizeNow() >= piece.file.size else {
                throw .logCutMeanwhile(piece.file.name)
            }
        }
        try checkUnchanged(bookmark, taking.bookmark)
        return taking.bookmark
    }
}
