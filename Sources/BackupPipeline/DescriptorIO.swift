import BackupModel
import BackupSystem
import Glibc

/// Why a thread of the pipeline could not go on, where that is not an error of its own.
enum Hindrance: Sendable {
    /// The pipeline is being stopped.
    case stopped
    /// The stage that reads has gone.
    case readerGone
}

/// Waits until one of two descriptors is ready.
///
/// - Parameter timeout: milliseconds; -1 for ever.
func waitUntilReady(_ descriptor: CInt, _ events: Int32, or other: CInt, timeout: CInt = -1) {
    var pollers = [
        pollfd(fd: descriptor, events: Int16(events), revents: 0), pollfd(fd: other, events: Int16(POLLIN), revents: 0),
    ]
    // An interrupted call is as good as a timeout: the caller looks again in any case.
    _ = poll(&pollers, 2, timeout)
}

/// Blocks SIGPIPE on the calling thread, so that a reader that has left is an error and not the end of this process.
/// The setting goes with the thread, nobody else sees it.
func blockBrokenPipeSignal() {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &set, nil)
}

/// Makes a descriptor of a pipe that only this process uses return at once when nothing can be done.
func setNonblocking(_ descriptor: OwnedDescriptor) {
    let raw = descriptor.raw
    _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK)
}

/// The reading half of a thread of the pipeline.
final class BoundaryReader {
    private let boundary: Boundary
    private let stop: WakeEvent
    private(set) var hindrance: Hindrance?

    init(_ boundary: Boundary, stop: WakeEvent) {
        self.boundary = boundary
        self.stop = stop
        if boundary.isPipe, let reader = boundary.reader { setNonblocking(reader) }
    }

    /// Reads what is there, at most `buffer.count` bytes; 0 means the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) -> Int {
        guard let reader = boundary.reader else { return 0 }
        let raw = reader.raw
        // A pipe of ours never blocks; of a descriptor of the caller nobody knows.
        if !boundary.isPipe { waitUntilReady(raw, POLLIN, or: stop.raw) }
        while true {
            if stop.isRaised {
                hindrance = .stopped
                throw .stopped()
            }
            let count = Glibc.read(raw, buffer.baseAddress, buffer.count)
            if count >= 0 {
                boundary.consumed(count)
                return count
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: waitUntilReady(raw, POLLIN, or: stop.raw)
            default: throw .system(errno, "read", reader.name)
            }
        }
    }
}

/// The writing half of a thread of the pipeline.
final class BoundaryWriter {
    private let boundary: Boundary
    private let stop: WakeEvent
    /// Bytes that can be written to it at once without waiting for a reader.
    private let pieceSize: Int
    private(set) var hindrance: Hindrance?

    init(_ boundary: Boundary, stop: WakeEvent) {
        self.boundary = boundary
        self.stop = stop
        guard let writer = boundary.writer, !boundary.isPipe else {
            pieceSize = .max
            if let writer = boundary.writer { setNonblocking(writer) }
            return
        }
        // A pipe that is ready takes PIPE_BUF bytes without blocking. It must not be made nonblocking: that
        // would hold for everybody who has it open.
        pieceSize = (try? writer.status())?.kind == .regular ? .max : 4096
    }

    /// Writes all bytes of `buffer`.
    func write(_ buffer: UnsafeRawBufferPointer) throws(BackupError) {
        guard let writer = boundary.writer else {
            boundary.produced(buffer.count)
            return
        }
        let raw = writer.raw
        var rest = buffer
        while !rest.isEmpty {
            if pieceSize != .max { waitUntilReady(raw, POLLOUT, or: stop.raw) }
            if stop.isRaised {
                hindrance = .stopped
                throw .stopped()
            }
            let count = Glibc.write(raw, rest.baseAddress, min(rest.count, pieceSize))
            if count >= 0 {
                boundary.produced(count)
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: waitUntilReady(raw, POLLOUT, or: stop.raw)
            case EPIPE:
                if boundary.isPipe { hindrance = .readerGone }
                throw boundary.isPipe ? .readerGone() : .outputReaderGone(writer.name)
            default: throw .system(errno, "write", writer.name)
            }
        }
    }
}
