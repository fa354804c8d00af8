import BackupCompression
package import BackupModel
import BackupPackages
import BackupPipeline
import BackupSystem
import Glibc
import Synchronization

/// One part of a log, open, and read as often as is needed. What is written behind its end later is not read.
package struct PackageLogFile: Sendable {
    private let file: OwnedDescriptor
    /// As it was when it was opened.
    let status: FileStatus
    /// Whether it is the part that is written now, by its name.
    let isCurrent: Bool
    let compression: FileCompression?

    private static let pieceSize = 256 << 10

    var name: String { file.name }
    var inode: UInt64 { status.inode }
    /// Bytes of the file when it was opened; what it holds may be compressed.
    var size: Int64 { status.size }

    /// Opens the file that somebody named; symbolic links are followed.
    init(path: String) throws(BackupError) {
        do throws(BackupError) {
            // Not to wait where a FIFO lies: it is refused below.
            let raw = try systemCall("open the log", path) { open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) }
            try self.init(OwnedDescriptor(raw, name: path), isCurrent: true)
        } catch {
            throw Self.explained(error, path)
        }
    }

    /// Opens the file `below` a root; `nil` where there is none.
    init?(below: String, isCurrent: Bool, _ root: PackageRoot) throws(BackupError) {
        do throws(BackupError) {
            guard let file = try root.openFile(below) else { return nil }
            try self.init(file, isCurrent: isCurrent)
        } catch {
            throw Self.explained(error, root.directory.path + "/" + below)
        }
    }

    private init(_ file: OwnedDescriptor, isCurrent: Bool) throws(BackupError) {
        status = try file.status()
        guard status.kind == .regular else { throw .logIsNoFile(file.name, status.kindName) }
        self.file = file
        self.isCurrent = isCurrent
        compression = FileCompression(name: file.name, head: try file.read(6, at: 0))
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

    /// How many bytes the file has now.
    func sizeNow() throws(BackupError) -> Int64 { try file.status().size }

    /// Whether `directory` has it under its name still.
    func isNamed(in directory: Directory) throws(BackupError) -> Bool {
        let last = name.split(separator: "/").last.map(String.init) ?? name
        guard let status = try directory.status(last) else { return false }
        // What a symbolic link leads to is not looked at again.
        return status.kind == .symbolicLink || status.inode == inode
    }

    /// Whether `other` begins with all bytes of this one; both plain. A few bytes are the beginning of many a log: they are
    /// never taken for a copy.
    func isBeginning(of other: PackageLogFile) throws(BackupError) -> Bool {
        guard compression == nil, other.compression == nil, size >= LogBookmark.Beginning.window,
            size <= other.size
        else { return false }
        var position: Int64 = 0
        while position < size {
            let count = Int(min(Int64(position == 0 ? 4096 : Self.pieceSize), size - position))
            guard try read(count, at: position) == other.read(count, at: position) else { return false }
            position += Int64(count)
        }
        return true
    }

    // MARK: - Reading

    /// Bytes of the file as it lies there, at most `count`; fewer at its end.
    func read(_ count: Int, at offset: Int64) throws(BackupError) -> [UInt8] { try file.read(count, at: offset) }

    /// Hands over the bytes of the log, in pieces, as if it had never been compressed.
    ///
    /// - Parameters:
    ///   - start: how many of these bytes are left out.
    ///   - end: behind which of them it ends; `nil` for the end that the file had when it was opened.
    /// - Throws: what `body` throws; `damaged` when it cannot be decompressed.
    package func forEachPiece(
        from start: Int64 = 0, to end: Int64? = nil,
        _ body: (UnsafeRawBufferPointer) throws(BackupError) -> Void
    ) throws(BackupError) {
        guard let compression else { return try readPlainly(start, end ?? size, body) }
        var position: Int64 = 0
        func cut(_ piece: UnsafeRawBufferPointer) throws(BackupError) {
            let from = max(0, start - position)
            let to = min(Int64(piece.count), (end ?? .max) - position)
            position += Int64(piece.count)
            if from < to { try body(UnsafeRawBufferPointer(rebasing: piece[Int(from)..<Int(to)])) }
        }
        if let program = compression.program { return try decompress(with: program, cut) }
        var decompressor = try ZstdDecompressor()
        var failure: BackupError?
        func take(_ piece: UnsafeRawBufferPointer) throws(BackupError) {
            do throws(BackupError) { try cut(piece) } catch {
                failure = error
                throw error
            }
        }
        do throws(BackupError) {
            try readPlainly(0, size) { piece throws(BackupError) in try decompressor.process(piece, emit: take) }
            try decompressor.finish(emit: take)
        } catch {
            // The log is not to blame for what `body` refused.
            throw failure ?? .logDamaged(name, error)
        }
    }

    private func readPlainly(
        _ start: Int64, _ end: Int64, _ body: (UnsafeRawBufferPointer) throws(BackupError) -> Void
    ) throws(BackupError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
        defer { buffer.deallocate() }
        let raw = file.raw
        var position = start
        while position < end {
            let wanted = Int(min(Int64(buffer.count), end - position))
            let count = try systemCall("read the log", name) {
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
        with program: ProcessStage, _ body: (UnsafeRawBufferPointer) throws(BackupError) -> Void
    ) throws(BackupError) {
        let (file, name) = (self.file, self.name)
        _ = try systemCall("rewind", name) { Int64(lseek(file.raw, 0, SEEK_SET)) }
        let pipe = try BackupSystem.Pipe(name: "pipe from \(program.name)")
        var stage = program
        stage.verdict = .init(diagnosis: { .logNotDecompressed(name, program.name, $0) })
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
