import BackupModel
import Synchronization

/// Lets only the wanted members of a tar archive pass, and notes what its directories say about them.
///
/// The formats are those of ``TarHeader``, with `GNU.dumpdir` of pax and the `L`, `K`, `D` and `S` members of the old GNU
/// format. Memory holds the extended headers of one member: as much as the names of the largest directory.
///
/// It decides about members that GNU tar then reads for itself, so it must find the same members with the same names. What
/// it could not say of an archive is refused as damaged, also where tar would know what to do.
struct TarFilter: ByteTransform {
    /// What was learnt on the way; read when the pipeline has ended.
    final class Findings: Sendable {
        struct State {
            /// Wanted paths that were members, or that members lie below.
            var seen: Set<MemberPath> = []
            /// Wanted paths that cannot be there: a directory on the way does not have the next one.
            var absent: Set<MemberPath> = []
            /// Wanted paths that are no directories and are in this archive as a whole.
            var whole: Set<MemberPath> = []
            /// Wanted paths that are directories.
            var directories: Set<MemberPath> = []
            /// The first wanted path that a renamed directory concerns.
            var renamed: MemberPath?
        }
        let state = Mutex(State())
    }

    private static let recordSize: Int64 = 10240
    /// The names of a directory with some millions of files, in bytes.
    private static let maximumHeader: Int64 = 256 << 20

    private let wanted: [MemberPath]
    private let findings: Findings
    private var inspector: (any MemberInspector)?

    private var block: [UInt8] = []
    /// Extended headers that belong to the member to come, as they were read.
    private var pending: [UInt8] = []
    private var extended = TarExtendedHeader()
    private var mode = Mode.headers
    /// Bytes of the current member's content that are still to come, padding included.
    private var remaining: Int64 = 0
    private var content: [UInt8] = []
    /// The map in the content of the current member, if that is a file with holes.
    private var sparseMap: TarSparseMap?
    private var contentSize: Int64 = 0
    /// Bytes that have passed.
    private var emitted: Int64 = 0

    private enum Mode {
        case headers
        /// Content that passes or does not.
        case data(passes: Bool)
        /// Content of an extended header of this type, collected.
        case extended(UInt8)
        /// Content of an extended header for all members, collected.
        case global(header: [UInt8])
        /// Content of a directory in the old GNU format, collected.
        case directory(name: MemberPath, passes: Bool)
        /// Blocks with the map of a sparse file in the old GNU format, before content of `size` bytes.
        case sparseMap(TarSparseMap, passes: Bool, size: Int64)
        /// Behind the end of the archive, where tar reads no more.
        case ended
    }

    /// - Parameters:
    ///   - wanted: each stands for itself and all below it.
    ///   - inspector: is shown what passes.
    init(wanted: [MemberPath], findings: Findings, inspector: (any MemberInspector)? = nil) {
        self.wanted = wanted
        self.inspector = inspector
        self.findings = findings
    }

    mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError) {
        var rest = input
        while !rest.isEmpty {
            if case .ended = mode { return }
            if remaining > 0 {
                let count = Int(min(remaining, Int64(rest.count)))
                try take(UnsafeRawBufferPointer(rebasing: rest[..<count]), emit)
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                continue
            }
            let count = min(TarHeader.size - block.count, rest.count)
            block.append(contentsOf: rest[..<count])
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            guard block.count == TarHeader.size else { continue }
            if case .sparseMap(let map, let passes, let size) = mode {
                try sparseBlock(map, passes, size, emit)
            } else {
                try member(emit)
            }
            block.removeAll(keepingCapacity: true)
        }
    }

    mutating func finish(emit: Emit) throws(BackupError) {
        guard case .ended = mode else { throw .tarDamaged("it ends in the middle") }
        // Two blocks of zeros, and more up to a whole record: tar reads records, and leaves unread what is behind them.
        let end = (emitted + 2 * Int64(TarHeader.size) + Self.recordSize - 1) / Self.recordSize * Self.recordSize
        try pass([UInt8](repeating: 0, count: Int(end - emitted)), emit)
    }

    // MARK: - Members

    private mutating func member(_ emit: Emit) throws(BackupError) {
        if block.allSatisfy({ $0 == 0 }) {
            guard pending.isEmpty else { throw .tarDamaged("an extended header has no member") }
            return mode = .ended
        }
        let header = try TarHeader(block)
        let type = header.type
        if TarExtendedHeader.isType(type) {
            let size = try header.contentSize()
            let isName = type == UInt8(ascii: "L") || type == UInt8(ascii: "K")
            // With the zero byte behind it.
            guard !isName || size <= TarExtendedHeader.maximumName + 1 else {
                throw .tarDamaged("a name has \(size) bytes")
            }
            try collect(size, "an extended header")
            begin(.extended(type), size)
        } else if type == UInt8(ascii: "g") {
            guard pending.isEmpty else { throw .tarDamaged("an extended header has no member") }
            let size = try header.contentSize()
            guard size <= Self.maximumHeader else { throw .tarDamaged("an extended header has \(size) bytes") }
            begin(.global(header: block), size)
        } else {
            try ordinary(header, emit)
        }
        if remaining == 0 { try endContent(emit) }
    }

    private mutating func ordinary(_ header: TarHeader, _ emit: Emit) throws(BackupError) {
        let name = extended.name ?? header.name
        let ownSize = try header.contentSize()
        let size = extended.size ?? ownSize
        guard size == 0 || !header.isWithoutContent else {
            throw .tarDamaged("\(name.bytes.escapedForMessage) has content, and is no file")
        }
        let passes = note(name)
        let hardLink = header.isHardLink ? extended.linkName ?? header.linkName : nil
        if passes, let hardLink {
            // tar leaves out what stands before these, and so looks elsewhere.
            guard !hardLink.leadsUp else {
                throw .tarDamaged("a hard link leads to \(hardLink.bytes.escapedForMessage)")
            }
            guard wanted.contains(where: { $0.contains(hardLink) }) else { throw .linkOutside(name, hardLink) }
        }
        if passes {
            let isDirectory = header.isDirectory(nameEndsWithSlash: extended.nameEndsWithSlash)
            try inspector?.see(name, isDirectory: isDirectory, hardLink: hardLink)
        }
        if let names = extended.directory { try read(names, of: name, passes: passes) }
        if header.type == UInt8(ascii: "D") {
            // The member passes in `endContent`, when its names are known.
            try collect(size, "a directory")
            begin(.directory(name: name, passes: passes), size)
            return
        }
        if passes {
            try pass(pending, emit)
            try pass(block, emit)
        }
        let map = try sparseMap(of: header)
        forgetHeaders()
        if let map, header.hasMoreSparseMap {
            mode = .sparseMap(map, passes: passes, size: size)
        } else {
            begin(.data(passes: passes), size)
            sparseMap = map
        }
    }

    /// The map of the member; as much of it as is known before its content.
    private func sparseMap(of header: TarHeader) throws(BackupError) -> TarSparseMap? {
        guard header.type == UInt8(ascii: "S") else { return extended.hasSparseMap ? TarSparseMap() : nil }
        guard header.isGNU, !extended.hasSparseMap, extended.size == nil else {
            throw .tarDamaged("a file with holes is in a form that is not known")
        }
        return try TarSparseMap(header)
    }

    /// A block with more of the map of a member of the type `S`.
    private mutating func sparseBlock(
        _ map: TarSparseMap, _ passes: Bool, _ size: Int64, _ emit: Emit
    ) throws(BackupError) {
        var map = map
        try map.take(block: block)
        if passes { try pass(block, emit) }
        guard !TarHeader.hasMoreSparseMap(block) else { return mode = .sparseMap(map, passes: passes, size: size) }
        begin(.data(passes: passes), size)
        sparseMap = map
        if remaining == 0 { try endContent(emit) }
    }

    /// Keeps the present block until the member that it belongs to is known.
    private mutating func collect(_ size: Int64, _ what: String) throws(BackupError) {
        guard size <= Self.maximumHeader - Int64(pending.count) else {
            throw .tarDamaged("\(what) has \(size) bytes")
        }
        pending += block
    }

    private mutating func forgetHeaders() {
        pending.removeAll()
        extended = TarExtendedHeader()
    }

    // MARK: - Content

    private mutating func begin(_ mode: Mode, _ size: Int64) {
        self.mode = mode
        // A size near the largest number must not overflow here; no archive is that long anyway.
        let padding = (Int64(TarHeader.size) - size % Int64(TarHeader.size)) % Int64(TarHeader.size)
        remaining = size.addingReportingOverflow(padding).overflow ? Int64.max : size + padding
        contentSize = size
        sparseMap = nil
        content.removeAll(keepingCapacity: false)
    }

    private mutating func take(_ piece: UnsafeRawBufferPointer, _ emit: Emit) throws(BackupError) {
        remaining -= Int64(piece.count)
        switch mode {
        case .data(let passes):
            try sparseMap?.take(piece)
            if passes { try pass(piece, emit) }
        case .extended, .global, .directory: content.append(contentsOf: piece)
        case .headers, .sparseMap, .ended: break
        }
        if remaining == 0 { try endContent(emit) }
    }

    private mutating func endContent(_ emit: Emit) throws(BackupError) {
        switch mode {
        // Behind these no content has ended.
        case .sparseMap, .ended: return
        case .headers: break
        case .data: try sparseMap?.finish(size: contentSize)
        case .extended(let type):
            try extended.read(content.prefix(Int(contentSize)), type: type)
            pending += content
        case .global(let header):
            try TarExtendedHeader.checkGlobal(content.prefix(Int(contentSize)))
            try pass(header, emit)
            try pass(content, emit)
        case .directory(let name, let passes):
            try read(Array(content.prefix(Int(contentSize))), of: name, passes: passes)
            if passes {
                try pass(pending, emit)
                try pass(content, emit)
            }
            forgetHeaders()
        }
        content.removeAll(keepingCapacity: false)
        mode = .headers
    }

    // MARK: - Findings

    /// Whether the member is wanted; notes for which path.
    private func note(_ name: MemberPath) -> Bool {
        let matching = wanted.filter { $0.contains(name) }
        guard !matching.isEmpty else { return false }
        findings.state.withLock { $0.seen.formUnion(matching) }
        return true
    }

    private mutating func read(_ names: [UInt8], of directory: MemberPath, passes: Bool) throws(BackupError) {
        let names = TarDirectory(names)
        if passes, inspector?.needsNames(of: directory) == true { try inspector?.see(names, of: directory) }
        findings.state.withLock { state in
            for path in names.renamed where state.renamed == nil {
                state.renamed = wanted.first { $0.contains(path) || path.contains($0) }
            }
            for path in wanted {
                guard let (name, isLast) = path.step(from: directory) else { continue }
                switch names[name] {
                case .directory: if isLast { state.directories.insert(path) }
                case .stored where isLast: state.whole.insert(path)
                case .left where isLast: break
                default: state.absent.insert(path)
                }
            }
        }
    }

    // MARK: - Output

    private mutating func pass(_ bytes: [UInt8], _ emit: Emit) throws(BackupError) {
        let result = bytes.withUnsafeBytes { buffer -> Result<Void, BackupError> in
            do throws(BackupError) { return .success(try emit(buffer)) } catch { return .failure(error) }
        }
        try result.get()
        emitted += Int64(bytes.count)
    }

    private mutating func pass(_ piece: UnsafeRawBufferPointer, _ emit: Emit) throws(BackupError) {
        try emit(piece)
        emitted += Int64(piece.count)
    }
}
