import BackupModel
import Synchronization

/// Lets only the wanted members of a tar archive pass, and notes what its directories say about them.
///
/// The formats are POSIX.1-2001 pax with GNU's `GNU.dumpdir`, and the old GNU format (`L`, `K`, `D` members). Memory
/// holds the extended header of one member: as much as the names of the largest directory.
struct TarFilter: ByteTransform {
    /// What was learnt on the way; read when the pipeline has ended.
    final class Findings: Sendable {
        struct State {
            /// Wanted paths that were members.
            var seen: Set<String> = []
            /// Wanted paths that their directory says are there, or are not.
            var present: [String: Bool] = [:]
            /// The first wanted path that a renamed directory concerns.
            var renamed: String?
        }
        let state = Mutex(State())
    }

    private static let blockSize = 512
    /// The names of a directory with some millions of files.
    private static let maximumHeader: Int64 = 256 << 20

    /// Without `./` or slashes around it.
    private let wanted: [String]
    private let findings: Findings

    private var block: [UInt8] = []
    /// Blocks of extended headers that belong to the member to come.
    private var pending: [UInt8] = []
    private var header = ExtendedHeader()
    private var mode = Mode.headers
    /// Bytes of the current member's content that are still to come, padding included.
    private var remaining: Int64 = 0
    private var content: [UInt8] = []
    private var contentSize = 0

    private enum Mode {
        case headers
        /// Content that passes or does not.
        case data(passes: Bool)
        /// Content of an extended header of this type, collected.
        case extended(UInt8)
        /// Content of a directory in the old GNU format, collected.
        case dumpDirectory(name: String, passes: Bool)
    }

    /// - Parameter wanted: paths relative to the root of the source; each stands for itself and all below it.
    init(wanted: [String], findings: Findings) {
        self.wanted = wanted.map(Self.normalised)
        self.findings = findings
    }

    /// A member's name or a path of a person, in one form.
    static func normalised(_ path: String) -> String {
        path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError) {
        var rest = input
        while !rest.isEmpty {
            if remaining > 0 {
                let count = Int(min(remaining, Int64(rest.count)))
                let piece = UnsafeRawBufferPointer(rebasing: rest[..<count])
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                remaining -= Int64(count)
                switch mode {
                case .data(let passes): if passes { try emit(piece) }
                case .extended, .dumpDirectory: content.append(contentsOf: piece)
                case .headers: break
                }
                if remaining == 0 { try endContent(emit) }
                continue
            }
            let count = min(Self.blockSize - block.count, rest.count)
            block.append(contentsOf: rest[..<count])
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            if block.count == Self.blockSize {
                try member(emit)
                block.removeAll(keepingCapacity: true)
            }
        }
    }

    mutating func finish(emit: Emit) throws(BackupError) {
        guard block.isEmpty, remaining == 0 else { throw .tarDamaged("it ends within a member") }
    }

    // MARK: - Members

    private mutating func member(_ emit: Emit) throws(BackupError) {
        // Blocks of zeros end the archive.
        if block.allSatisfy({ $0 == 0 }) { return try Self.emit(block, emit) }
        try checkSum()
        let type = block[156]
        let ownSize = try Self.number(block[124..<136])
        let size = header.size ?? ownSize
        guard size >= 0 else { throw .tarDamaged("a member has a negative size") }
        switch type {
        case UInt8(ascii: "x"), UInt8(ascii: "L"), UInt8(ascii: "K"):
            guard size <= Self.maximumHeader else { throw .tarDamaged("an extended header has \(size) bytes") }
            pending += block
            begin(.extended(type), size)
        case UInt8(ascii: "g"):
            try Self.emit(block, emit)
            begin(.data(passes: true), size)
        default:
            let name = Self.normalised(header.name ?? Self.name(block))
            let passes = isWanted(name)
            if passes { note(name) }
            if let dump = header.dumpDirectory { read(dump, of: name) }
            if type == UInt8(ascii: "D") {
                guard size <= Self.maximumHeader else { throw .tarDamaged("a directory has \(size) bytes of names") }
                // The member passes in `endContent`, when its names are known.
                pending += block
                begin(.dumpDirectory(name: name, passes: passes), size)
            } else {
                if passes {
                    try Self.emit(pending, emit)
                    try Self.emit(block, emit)
                }
                pending.removeAll()
                header = ExtendedHeader()
                begin(.data(passes: passes), size)
            }
        }
        if remaining == 0 { try endContent(emit) }
    }

    private mutating func begin(_ mode: Mode, _ size: Int64) {
        self.mode = mode
        let blocks = (size + Int64(Self.blockSize) - 1) / Int64(Self.blockSize)
        remaining = blocks * Int64(Self.blockSize)
        contentSize = Int(min(size, Self.maximumHeader))
        content.removeAll(keepingCapacity: false)
    }

    private mutating func endContent(_ emit: Emit) throws(BackupError) {
        switch mode {
        case .headers, .data: break
        case .extended(let type):
            try header.read(content.prefix(contentSize), type: type)
            pending += content
        case .dumpDirectory(let name, let passes):
            read(Array(content.prefix(contentSize)), of: name)
            if passes {
                try Self.emit(pending, emit)
                try Self.emit(content, emit)
            }
            pending.removeAll()
            header = ExtendedHeader()
        }
        content.removeAll(keepingCapacity: false)
        mode = .headers
    }

    private func isWanted(_ name: String) -> Bool {
        wanted.contains { $0.isEmpty || name == $0 || name.hasPrefix($0 + "/") }
    }

    private func note(_ name: String) {
        for path in wanted where path.isEmpty || name == path || name.hasPrefix(path + "/") {
            findings.state.withLock { _ = $0.seen.insert(path) }
        }
    }

    /// Reads the names of a directory: records `<letter><name>\0`, ended by an empty one (GNU tar's manual, "Dumpdir").
    private func read(_ dump: [UInt8], of directory: String) {
        var names: Set<String> = []
        for record in dump.split(separator: 0) {
            let name = String(decoding: record.dropFirst(), as: UTF8.self)
            switch record.first {
            case UInt8(ascii: "Y"), UInt8(ascii: "N"), UInt8(ascii: "D"): names.insert(name)
            case UInt8(ascii: "T"), UInt8(ascii: "R"):
                let path = Self.normalised(name)
                for wanted in wanted
                where !path.isEmpty && (wanted.isEmpty || wanted == path || wanted.hasPrefix(path + "/") || path.hasPrefix(wanted + "/")) {
                    findings.state.withLock { state in
                        if state.renamed == nil { state.renamed = wanted }
                    }
                }
            default: break
            }
        }
        for path in wanted where !path.isEmpty {
            let slash = path.lastIndex(of: "/")
            let parent = slash.map { String(path[..<$0]) } ?? ""
            guard parent == directory else { continue }
            let last = slash.map { String(path[path.index(after: $0)...]) } ?? path
            findings.state.withLock { $0.present[path] = names.contains(last) }
        }
    }

    // MARK: - Blocks

    private func checkSum() throws(BackupError) {
        let stored = try Self.number(block[148..<156])
        var sum: Int64 = 8 * 32
        for (index, byte) in block.enumerated() where !(148..<156).contains(index) { sum += Int64(byte) }
        guard sum == stored else { throw .tarDamaged("a header has the wrong checksum") }
    }

    /// Octal digits, or base 256 when the first bit is set.
    static func number(_ field: ArraySlice<UInt8>) throws(BackupError) -> Int64 {
        var value: Int64 = 0
        if let first = field.first, first & 0x80 != 0 {
            for byte in field.dropFirst() {
                guard value <= Int64.max >> 8 else { throw .tarDamaged("a number is too large") }
                value = value << 8 | Int64(byte)
            }
            return value
        }
        for byte in field where byte != 0x20 && byte != 0 {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte), value <= Int64.max >> 3 else {
                throw .tarDamaged("a number is not octal")
            }
            value = value << 3 | Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }

    private static func name(_ block: [UInt8]) -> String {
        let name = String(decoding: block[0..<100].prefix { $0 != 0 }, as: UTF8.self)
        // Only "ustar\0" has a prefix; the old GNU format uses the room otherwise.
        guard block[257..<263].elementsEqual(Array("ustar\0".utf8)) else { return name }
        let prefix = String(decoding: block[345..<500].prefix { $0 != 0 }, as: UTF8.self)
        return prefix.isEmpty ? name : prefix + "/" + name
    }

    private static func emit(_ bytes: [UInt8], _ emit: Emit) throws(BackupError) {
        let result = bytes.withUnsafeBytes { buffer -> Result<Void, BackupError> in
            do throws(BackupError) { return .success(try emit(buffer)) } catch { return .failure(error) }
        }
        try result.get()
    }
}

/// What extended headers say about the member that follows them.
private struct ExtendedHeader {
    var name: String?
    var size: Int64?
    var dumpDirectory: [UInt8]?

    /// - Parameter type: `x`: records `<length> <key>=<value>\n`; `L`: the name.
    mutating func read(_ bytes: ArraySlice<UInt8>, type: UInt8) throws(BackupError) {
        if type == UInt8(ascii: "L") { name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
        guard type == UInt8(ascii: "x") else { return }
        var rest = bytes
        while let blank = rest.firstIndex(of: UInt8(ascii: " ")) {
            guard let length = Int(String(decoding: rest[rest.startIndex..<blank], as: UTF8.self)),
                length > blank - rest.startIndex + 1, length <= rest.count,
                let equals = rest[blank...].firstIndex(of: UInt8(ascii: "=")), equals < rest.startIndex + length - 1
            else { throw .tarDamaged("an extended header is cut off") }
            let key = String(decoding: rest[(blank + 1)..<equals], as: UTF8.self)
            let value = rest[(equals + 1)..<(rest.startIndex + length - 1)]
            switch key {
            case "path" where name == nil: name = String(decoding: value, as: UTF8.self)
            case "GNU.sparse.name": name = String(decoding: value, as: UTF8.self)
            case "size": size = Int64(String(decoding: value, as: UTF8.self))
            case "GNU.dumpdir": dumpDirectory = Array(value)
            default: break
            }
            rest = rest[(rest.startIndex + length)...]
        }
    }
}
