package import BackupModel

/// The UUIDs of one source's elements, for the question "do we have this one already?" in constant time.
///
/// What is kept is a hash of 8 bytes of each UUID and the element's name in 16: about 50 bytes an element. The hash has a
/// new key in each process, so nobody can make UUIDs that meet in it; who must be sure all the same reads the
/// metadata of the element it names.
package struct ElementUUIDIndex: Sendable {
    package let source: SourceURL
    private var names: [UInt64: CompactName] = [:]

    package init(source: SourceURL) { self.source = source }

    /// How many there are.
    package var count: Int { names.count }

    /// The element of this source with this UUID; `nil` if there is none.
    package func id(of uuid: ElementUUID) -> ElementID? {
        names[uuid.compactHash].map { $0.id(of: source) }
    }

    /// Adds an element that was stored, or replaces the one of the same UUID. Elements of other sources are not taken.
    package mutating func insert(_ uuid: ElementUUID, _ id: ElementID) {
        guard id.source == source, let name = CompactName(id) else { return }
        names[uuid.compactHash] = name
    }
}

/// What an ID says beside its source, in 16 bytes.
struct CompactName: Sendable, Equatable {
    /// The 14 digits as a number, times two, and one more for an increment.
    private let digitsAndType: UInt64
    /// -1 for none.
    private let serial: Int32

    /// `nil` for an ID that no element of a storage can have.
    init?(_ id: ElementID) {
        guard let digits = UInt64(id.digits), id.digits.utf8.count == 14, let serial = Int32(exactly: id.serial ?? -1)
        else { return nil }
        digitsAndType = digits << 1 | (id.type == .inc ? 1 : 0)
        self.serial = serial
    }

    func id(of source: SourceURL) -> ElementID {
        ElementID(
            source: source, digits: Int(digitsAndType >> 1).padded(14), serial: serial < 0 ? nil : Int(serial),
            type: digitsAndType & 1 == 1 ? .inc : .full)
    }
}

extension CompactName: Comparable {
    /// As ``ElementID`` compares within a source.
    static func < (left: CompactName, right: CompactName) -> Bool {
        let (leftDigits, rightDigits) = (left.digitsAndType >> 1, right.digitsAndType >> 1)
        if leftDigits != rightDigits { return leftDigits < rightDigits }
        if left.serial != right.serial { return left.serial < right.serial }
        return left.digitsAndType < right.digitsAndType
    }
}

extension ElementUUID {
    /// 8 bytes that stand for the UUID within this process.
    package var compactHash: UInt64 {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
