import BackupDigest
import BackupModel

/// How far a log was taken, so that the place is found again when the log was rotated, compressed, copied, cut or replaced
/// meanwhile.
///
/// The place is known by the bytes before it. Inode and offset only say where to look first: a number can be given to another
/// file, and the numbers of devices change with each start of many machines, so those are not kept at all.
struct LogBookmark: Sendable, Hashable {
    /// How a part of the log begins.
    struct Beginning: Sendable, Hashable {
        /// Bytes, 1 to ``window``.
        let length: Int
        /// SHA-512 of so many bytes.
        let digest: [UInt8]

        /// Bytes: a few lines with their times. An older state of the same log has them, too.
        static let window = 256

        init(_ bytes: [UInt8]) {
            length = bytes.count
            digest = SHA512.hash(bytes)
        }

        init(length: Int, digest: [UInt8]) {
            self.length = length
            self.digest = digest
        }
    }

    /// Of the part that the last byte was taken from.
    var inode: UInt64 = 0
    /// Bytes taken of that part, as if it had never been compressed.
    var offset: Int64 = 0
    /// The last of them, at most ``window``.
    var tail: [UInt8] = []
    /// Bytes taken of all parts.
    var total: Int64 = 0
    /// Of the parts that were taken from, oldest first; at most ``maximumBeginnings``.
    var beginnings: [Beginning] = []

    /// Bytes that are enough to recognise a place: dozens of lines with their times.
    static let window = 4096
    /// More than `logrotate` keeps.
    static let maximumBeginnings = 128
}

extension LogBookmark {
    var json: JSONObject {
        [
            "Inode": .integer(Int64(bitPattern: inode)), "Offset": .integer(offset), "Total": .integer(total),
            "Tail": .string(Base64.encode(tail)),
            "Beginnings": .array(
                beginnings.map {
                    .object(["Length": .integer(Int64($0.length)), "Digest": .string(Base64.encode($0.digest))])
                }),
        ]
    }

    /// - Throws: `damaged` when it is none.
    init(_ object: JSONObject) throws(BackupError) {
        guard let inode = object["Inode"]?.integerValue, let offset = object["Offset"]?.integerValue, offset >= 0,
            let total = object["Total"]?.integerValue, total >= offset,
            let tail = object["Tail"]?.stringValue.flatMap({ Base64.decode($0) }),
            tail.count <= Int(min(offset, Int64(Self.window))), tail.isEmpty == (offset == 0),
            let items = object["Beginnings"]?.arrayValue
        else { throw .noBookmark() }
        for item in items {
            guard let object = item.objectValue, let length = object["Length"]?.integerValue,
                (1...Int64(Beginning.window)).contains(length),
                let digest = object["Digest"]?.stringValue.flatMap({ Base64.decode($0) })
            else { throw .noBookmark() }
            beginnings.append(Beginning(length: Int(length), digest: digest))
        }
        self.inode = UInt64(bitPattern: inode)
        self.offset = offset
        self.total = total
        self.tail = tail
    }
}

/// Moves a bookmark while bytes are taken.
struct LogTaking {
    private(set) var bookmark: LogBookmark
    /// The first bytes of the part, as far as they are known and needed.
    private var beginning: [UInt8]?
    private var next: (inode: UInt64, offset: Int64)?

    /// - Parameter bookmark: where it begins; `nil` for the beginning.
    init(_ bookmark: LogBookmark?) { self.bookmark = bookmark ?? LogBookmark() }

    /// Says from which part, and from where in it, the next bytes are.
    mutating func begin(_ part: PackageLogFile, at offset: Int64) { next = (part.inode, offset) }

    mutating func take(_ piece: UnsafeRawBufferPointer) {
        guard !piece.isEmpty else { return }
        if let (inode, offset) = next {
            enter(inode, offset)
            next = nil
        }
        bookmark.offset += Int64(piece.count)
        bookmark.total += Int64(piece.count)
        let kept = max(0, LogBookmark.window - piece.count)
        bookmark.tail = Array(bookmark.tail.suffix(kept)) + Array(piece.suffix(LogBookmark.window))
        guard var beginning, beginning.count < LogBookmark.Beginning.window else { return }
        beginning += piece.prefix(LogBookmark.Beginning.window - beginning.count)
        self.beginning = beginning
        bookmark.beginnings.removeLast()
        bookmark.beginnings.append(LogBookmark.Beginning(beginning))
    }

    private mutating func enter(_ inode: UInt64, _ offset: Int64) {
        let goesOn = offset > 0 && offset == bookmark.offset && !bookmark.beginnings.isEmpty
        if !goesOn {
            // Where the part was cut at its front, the bytes before are the same, and at another place.
            if offset == 0 { bookmark.tail = [] }
            bookmark.tail = Array(bookmark.tail.suffix(Int(min(offset, Int64(LogBookmark.window)))))
            if bookmark.beginnings.count == LogBookmark.maximumBeginnings { bookmark.beginnings.removeFirst() }
        }
        if offset == 0 {
            beginning = []
            bookmark.beginnings.append(LogBookmark.Beginning([]))
        } else {
            beginning = goesOn && offset < LogBookmark.Beginning.window ? bookmark.tail : nil
        }
        bookmark.inode = inode
        bookmark.offset = offset
    }
}
