import BackupModel
import BackupSystem
import Glibc

/// Carries bytes from or to a file of the caller, and has them hashed on the way.
struct Mover: Sendable {
    /// What has come of it.
    struct Result: Sendable {
        var digest: [UInt8]?
        var size: Int64 = 0
        var prefix: [UInt8] = []
        var isEnough = false
        var failure: NodeFailure?
    }

    /// If so little of a damaged input is left when its reader fails, it is hashed to the end: then it is always the
    /// damage that is reported, and not what it did to the reader.
    private static let worthFinishing: Int64 = 64 << 20
    private static let writebackStep: Int64 = 8 << 20

    let label: StageLabel
    let input: Boundary
    let output: Boundary
    let digest: BackgroundDigest
    let expected: [UInt8]?
    /// The number of bytes to keep, when they go nowhere else.
    let limit: Int?
    /// Whether the output is to be written to the disk on the way.
    let startsWriteback: Bool
    let stop: WakeEvent

    /// Runs on a thread of its own, until the end of the input or a failure.
    func run() -> Result {
        blockBrokenPipeSignal()
        var result = Result()
        let reader = BoundaryReader(input, stop: stop)
        let writer = BoundaryWriter(output, stop: stop)
        do throws(BackupError) {
            try move(reader, writer, &result)
        } catch {
            let kind: NodeFailure.Kind =
                switch reader.hindrance ?? writer.hindrance {
                case .stopped: .stopped
                case .readerGone: .readerGone
                case nil: .own
                }
            result.failure = NodeFailure(kind: kind, error: error)
            if kind == .readerGone, isWorthFinishing { readOn(reader) }
        }
        do throws(BackupError) { result.digest = try digest.finish() } catch {
            result.failure = result.failure ?? NodeFailure(kind: .own, error: error)
        }
        let isComplete = result.failure == nil || (result.failure?.kind == .readerGone && isAtEndOfFile)
        if let expected, !result.isEnough, isComplete, let found = result.digest, found != expected {
            result.failure = NodeFailure(kind: .own, error: .digestMismatch(input.reader?.name ?? ""))
        }
        return result
    }

    private func move(
        _ reader: BoundaryReader, _ writer: BoundaryWriter, _ result: inout Result
    ) throws(BackupError) {
        var writeback = WritebackPacer(output.writer, isUsed: startsWriteback, step: Self.writebackStep)
        while true {
            if let limit, result.prefix.count >= limit {
                result.isEnough = true
                return
            }
            let buffer = try digest.nextBuffer()
            let room = limit.map { min(buffer.count, $0 - result.prefix.count) } ?? buffer.count
            let count = try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<room]))
            if count == 0 { return }
            digest.submit(count)
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            if limit != nil { result.prefix.append(contentsOf: bytes) }
            try writer.write(bytes)
            result.size += Int64(count)
            writeback.wrote(count)
        }
    }

    // MARK: - After the reader has gone

    private var bytesLeft: Int64? {
        guard let reader = input.reader, let status = try? reader.status(), status.kind == .regular else { return nil }
        let position = lseek(reader.raw, 0, SEEK_CUR)
        return position < 0 ? nil : max(0, status.size - Int64(position))
    }

    private var isAtEndOfFile: Bool { bytesLeft == 0 }

    private var isWorthFinishing: Bool {
        guard expected != nil, let bytesLeft else { return false }
        return bytesLeft <= Self.worthFinishing
    }

    private func readOn(_ reader: BoundaryReader) {
        while let buffer = try? digest.nextBuffer(), let count = try? reader.read(into: buffer), count > 0 {
            digest.submit(count)
        }
    }
}

/// Has the kernel write out a growing file bit by bit.
private struct WritebackPacer {
    private let file: OwnedDescriptor?
    private let step: Int64
    private var begun: Int64
    private var written: Int64

    init(_ file: OwnedDescriptor?, isUsed: Bool, step: Int64) {
        self.file = isUsed ? file : nil
        self.step = step
        begun = file.map { max(0, Int64(lseek($0.raw, 0, SEEK_CUR))) } ?? 0
        written = begun
    }

    mutating func wrote(_ count: Int) {
        guard let file else { return }
        written += Int64(count)
        guard written - begun >= step else { return }
        file.startWriteback(offset: begun, count: written - begun)
        begun = written
    }
}
