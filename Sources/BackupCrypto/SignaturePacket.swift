package import BackupModel

/// What stands in a detached binary OpenPGP signature (RFC 4880, 5.2), as far as it must be known before `gpg` is asked.
///
/// Exactly one signature packet is accepted, and nothing behind it. A message that brings its own data, several signatures
/// of which one is good, a signature over text with line ends of any kind: whoever accepts these must explain to whom and
/// to what a "good" belongs. Here it can belong to one thing only.
package struct SignaturePacket: Sendable, Hashable {
    /// Bytes. A signature by RSA with 4096 bits has less than 600.
    package static let maximumSize = 16 << 10

    /// By whom it says it is made: a fingerprint (40 digits) or a key ID (16 digits), in capitals. Nothing vouches for it.
    package let claimedIssuer: String?

    /// - Throws: `untrusted`, saying what is wrong.
    package init(_ bytes: [UInt8]) throws(BackupError) {
        guard !bytes.isEmpty else { throw .signature("it is empty") }
        guard bytes.count <= Self.maximumSize else {
            throw .signature("it has \(bytes.count) bytes, and \(Self.maximumSize) are the most")
        }
        guard !bytes.starts(with: "-----BEGIN".utf8) else {
            throw .signature("it is in ASCII armor, and must be binary (`gpg --dearmor` makes it so)")
        }
        var reader = ByteReader(bytes[...])
        let body = try Self.packet(&reader)
        guard reader.rest.isEmpty else {
            throw .signature("something follows it; exactly one signature is accepted")
        }
        var fields = ByteReader(body)
        guard let version = fields.byte(), version == 4 else { throw .signature("it is not of version 4") }
        // A signature over "text" is also one over other bytes: those with other line ends.
        guard fields.byte() == 0x00 else { throw .signature("it is not one over binary data") }
        guard fields.byte() != nil, let hash = fields.byte() else { throw .signature("it is cut short") }
        guard [8, 9, 10, 12, 14].contains(hash) else {
            throw .signature("its digest is too weak or unknown (number \(hash)); SHA-256 and better are accepted")
        }
        let hashed = try Self.subpackets(&fields)
        let unhashed = try Self.subpackets(&fields)
        claimedIssuer = Self.issuer(hashed) ?? Self.issuer(unhashed)
    }

    /// The body of the signature packet that `reader` stands at.
    private static func packet(_ reader: inout ByteReader) throws(BackupError) -> ArraySlice<UInt8> {
        guard let head = reader.byte(), head & 0x80 != 0 else { throw .signature("it is no OpenPGP data") }
        let isNew = head & 0x40 != 0
        guard (isNew ? head & 0x3f : head >> 2 & 0x0f) == 2 else {
            throw .signature("it is other OpenPGP data than a detached signature")
        }
        let length: Int?
        if isNew {
            // Lengths in parts are for data, not for signatures.
            length = reader.length(partialFrom: 224)
        } else {
            switch head & 3 {
            case 0: length = reader.number(1)
            case 1: length = reader.number(2)
            case 2: length = reader.number(4)
            default: length = nil
            }
        }
        guard let length, let body = reader.take(length) else { throw .signature("it is cut short") }
        return body
    }

    private static func subpackets(
        _ reader: inout ByteReader
    ) throws(BackupError) -> [(type: UInt8, body: ArraySlice<UInt8>)] {
        guard let size = reader.number(2), let area = reader.take(size) else { throw .signature("it is cut short") }
        var rest = ByteReader(area)
        var found: [(type: UInt8, body: ArraySlice<UInt8>)] = []
        while !rest.rest.isEmpty {
            guard let length = rest.length(partialFrom: 256), let body = rest.take(length), let type = body.first else {
                throw .signature("it is garbled")
            }
            // The highest bit says whether whoever does not know the type must refuse: that is for `gpg`.
            found.append((type & 0x7f, body.dropFirst()))
        }
        return found
    }

    private static func issuer(_ subpackets: [(type: UInt8, body: ArraySlice<UInt8>)]) -> String? {
        // 33: the fingerprint behind the version of the key; 16: the key ID.
        for (type, body) in subpackets where type == 33 && body.count == 21 && body.first == 4 {
            return hexadecimal(body.dropFirst())
        }
        for (type, body) in subpackets where type == 16 && body.count == 8 { return hexadecimal(body) }
        return nil
    }

    private static func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
    }
}

/// Takes bytes from the front; `nil` when there are too few.
private struct ByteReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    /// A number of `count` bytes, at most 4, the highest first.
    mutating func number(_ count: Int) -> Int? { take(count)?.reduce(0) { $0 << 8 | Int($1) } }

    /// A length of one, two or five bytes; `nil` for a first byte from `partialFrom` to 254.
    mutating func length(partialFrom: Int) -> Int? {
        guard let first = byte().map(Int.init) else { return nil }
        switch first {
        case 0..<192: return first
        case 255: return number(4)
        default:
            guard first < partialFrom, let second = byte() else { return nil }
            return (first - 192) << 8 + Int(second) + 192
        }
    }
}
