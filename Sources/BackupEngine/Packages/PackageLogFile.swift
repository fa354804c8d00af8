import BackupCompression
import BackupModel
import BackupPackages
import BackupPipeline
import BackupSystem
import Glibc
import Synchronization

/// How a part of a log is compressed; the raw value is the ending of its name.
enum LogCompression: String, CaseIterable, Sendable {
    case gzip = "gz"
    case bzip2 = "bz2"
    case xz = "xz"
    case zstd = "zst"

    /// The first bytes of such a file.
    private var magic: [UInt8] {
        switch self {
        case .gzip: [0x1f, 0x8b]
        case .bzip2: [0x42, 0x5a, 0x68]
        case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
        case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
        }
    }

    /// The program that undoes it; `nil` for what this process does itself.
    var program: String? {
        switch self {
        case .gzip: "gzip"
        case .bzip2: "bzip2"
        case .xz: "xz"
        case .zstd: nil
        }
    }

    /// What the name of a file or else its first bytes say.
    init?(name: String, head: [UInt8]) {
        guard
            let found = Self.allCases.first(where: { name.hasSuffix("." + $0.rawValue) || head.starts(with: $0.magic) })
        else { return nil }
        self = found
    }
}

/// One part of a log, open, and read as often as is needed. What is written behind its end later is not read.
struct PackageLogFile: Sendable {
    private let file: OwnedDescriptor
    /// Bytes when it was opened.
    private let size: Int64
    let inode: UInt64
    private let compression: LogCompression?

    private static let pieceSize = 256 << 10

    /// Opens the file that somebody named; symbolic links are followed.
    init(path: String) throws(BackupError) {
        do throws(BackupError) {
            // Not to wait where a FIFO lies: it is refused below.
            let raw = try systemCall("open the log", path) { open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) }
            try self.init(OwnedDescriptor(raw, name: path))
        } catch {
            throw Self.explained(error, path)
        }
    }

    /// Opens the file `below` a root; `nil` where there is none.
    init?(below: String, _ root: PackageRoot) throws(BackupError) {
        do throws(BackupError) {
            guard let file = try root.openFile(below) else { return nil }
            try self.init(file)
        } catch {
            throw Self.explained(error, root.directory.path + "/" + below)
        }
    }

    private init(_ file: OwnedDescriptor) throws(BackupError) {
        let status = try file.status()
        guard status.kind == .regular else { throw .logIsNoFile(file.name, status.kindName) }
        self.file = file
        size = status.size
        inode = status.inode
        compression = LogCompression(name: file.name, head: try file.read(6, at: 0))
    }

    /// Who may not read it learns who may.
    private static func explained(_ error: BackupError, _ path: String) -> BackupError {
        guard error.code == .permission else { return error }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IRGRP != 0, let group = getgrgid(status.st_gid),
            let name = group.pointee.gr_name
        else { return .logForbidden(error, group: nil) }
        return .logForbidden(error, group: String(cString: name))
    }

    // MARK: - Reading

    /// Hands over the bytes of the log, in pieces, as if it had never been compressed.
    ///
    /// - Throws: what `body` throws; `damaged` when it cannot be decompressed.
    func forEachPiece(
        _ body: (UnsafeRawBufferPointer) throws(BackupError) -> Void
    ) throws(BackupError) {
        guard let compression else { return try readPlainly(body) }
        if let program = compression.program { return try decompress(with: program, body) }
        var decompressor = try ZstdDecompressor()
        var failure: BackupError?
        func take(_ piece: UnsafeRawBufferPointer) throws(BackupError) {
            do throws(BackupError) { try body(piece) } catch {
                failure = error
                throw error
            }
        }
        do throws(BackupError) {
            try readPlainly { piece throws(BackupError) in try decompressor.process(piece, emit: take) }
            try decompressor.finish(emit: take)
        } catch {
            // The log is not to blame for what `body` refused.
            throw failure ?? .logDamaged(file.name, error)
        }
    }

    private func readPlainly(
        _ body: (UnsafeRawBufferPointer) throws(BackupError) -> Void
    ) throws(BackupError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
        defer { buffer.deallocate() }
        let raw = file.raw
        var position: Int64 = 0
        while position < size {
            let wanted = Int(min(Int64(buffer.count), size - position))
            let count = try systemCall("read the log", file.name) {
                pread(raw, buffer.baseAddress, wanted, off_t(position))
            }
            if count == 0 { return }
            position += Int64(count)
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private final class Ending: Sendable {
        let failure = Mutex<BackupError?>(nil)
    }

    private func decompress(
        with program: String, _ body: (UnsafeRawBufferPointer) throws(BackupError) -> Void
    ) throws(BackupError) {
        let (file, name) = (self.file, self.file.name)
        _ = try systemCall("rewind", name) { Int64(lseek(file.raw, 0, SEEK_SET)) }
        let pipe = try BackupSystem.Pipe(name: "pipe from \(program)")
        let stage = ProcessStage(
            name: program, executable: program, arguments: ["-d", "-c"],
            verdict: .init(diagnosis: { .logNotDecompressed(name, program, $0) }))
        let pipeline = Pipeline(
            input: .file(file, expected: nil), stages: [.process(stage)], output: .descriptor(pipe.writeEnd),
            stallTimeout: nil)
        let ending = Ending()
        Task.detached {
            if case .failure(let error) = await pipeline.run().result { ending.failure.withLock { $0 = error } }
            // Only now the reader meets the end.
            pipe.writeEnd.close()
        }
        // Whatever ends the reading, the program learns that nobody reads any more.
        defer { pipe.readEnd.close() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try pipe.readEnd.read(into: buffer)
            if count == 0 { break }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        if let error = ending.failure.withLock({ $0 }) { throw error }
    }
}
