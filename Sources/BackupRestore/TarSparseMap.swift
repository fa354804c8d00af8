import BackupModel

/// Follows the map of a file with holes, which tells GNU tar how much content to read.
///
/// A map that tells of more than the member has would make tar take the members behind it for content, and what stands in
/// these for members.
struct TarSparseMap {
    /// The size of the file, where the map stands in the header and the blocks behind it; `nil` where it begins the content.
    private let realSize: Int64?
    private var isComplete = false
    /// Bytes of the map that were read, where they count as content.
    private var mapLength: Int64 = 0
    /// Bytes of content that tar reads for the pieces.
    private var needed: Int64 = 0

    // In the content: the number that is being read, how many pieces there are still, and whether their next number is a
    // length.
    private var number: Int64?
    private var piecesLeft: Int64?
    private var isLength = false

    /// A map at the beginning of the content.
    init() { realSize = nil }

    /// A map in a header of the type `S`.
    ///
    /// - Throws: `damaged`.
    init(_ header: TarHeader) throws(BackupError) {
        realSize = try TarHeader.number(header.block[483..<495])
        try takeEntries(header.block[386..<482], goesOn: header.hasMoreSparseMap)
    }

    // MARK: - In the content

    /// Takes the next bytes of the content. The map is decimal numbers, each ended by a newline: how many pieces there are,
    /// and then offset and length of each. It fills whole blocks.
    ///
    /// - Throws: `damaged` when they are no map.
    mutating func take(_ piece: UnsafeRawBufferPointer) throws(BackupError) {
        guard realSize == nil else { return }
        for byte in piece {
            if isComplete { return }
            mapLength += 1
            if byte == UInt8(ascii: "\n") { try endNumber() } else { try take(digit: byte) }
        }
    }

    private mutating func take(digit byte: UInt8) throws(BackupError) {
        // tar takes no more digits than the largest number has, and nobody writes zeros before a number.
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), number != 0, number ?? 1 < Int64.max / 10 else {
            throw Self.wrong()
        }
        number = (number ?? 0) * 10 + Int64(byte - UInt8(ascii: "0"))
    }

    private mutating func endNumber() throws(BackupError) {
        guard let number else { throw Self.wrong() }
        self.number = nil
        guard let left = piecesLeft else {
            piecesLeft = number
            isComplete = number == 0
            return
        }
        if isLength {
            try add(number)
            piecesLeft = left - 1
            isComplete = left == 1
        }
        isLength.toggle()
    }

    // MARK: - In the header

    /// Takes a block behind the header.
    mutating func take(block: [UInt8]) throws(BackupError) {
        try takeEntries(block[0..<504], goesOn: TarHeader.hasMoreSparseMap(block))
    }

    /// Takes pieces of 24 bytes: offset and length, as the numbers of headers are.
    private mutating func takeEntries(_ entries: ArraySlice<UInt8>, goesOn: Bool) throws(BackupError) {
        let realSize = realSize ?? 0
        for start in stride(from: entries.startIndex, to: entries.endIndex, by: 24) {
            // The first empty one ends the map, whatever is said of more blocks.
            guard entries[start + 12] != 0 else {
                guard !goesOn else { throw Self.wrong() }
                break
            }
            let offset = try TarHeader.number(entries[start..<(start + 12)])
            let length = try TarHeader.number(entries[(start + 12)..<(start + 24)])
            // What lies behind the end of the file makes tar give up in the middle.
            guard offset <= realSize, length <= realSize - offset else { throw Self.wrong() }
            try add(length)
        }
        isComplete = !goesOn
    }

    // MARK: - What it says

    private mutating func add(_ length: Int64) throws(BackupError) {
        let sum = needed.addingReportingOverflow(try Self.wholeBlocks(length))
        guard !sum.overflow else { throw Self.wrong() }
        needed = sum.partialValue
    }

    /// Says that the content has ended.
    ///
    /// - Parameter size: bytes of the content, 0 or more.
    /// - Throws: `damaged` when tar would read on.
    func finish(size: Int64) throws(BackupError) {
        let total = try Self.wholeBlocks(mapLength).addingReportingOverflow(needed)
        guard isComplete, !total.overflow, total.partialValue <= (try Self.wholeBlocks(size)) else {
            throw Self.wrong()
        }
    }

    /// What so many bytes take up in an archive.
    private static func wholeBlocks(_ bytes: Int64) throws(BackupError) -> Int64 {
        let block = Int64(TarHeader.size)
        guard bytes <= Int64.max - block else { throw wrong() }
        return (bytes + block - 1) / block * block
    }

    private static func wrong() -> BackupError { .tarDamaged("the map of a file with holes is wrong") }
}
