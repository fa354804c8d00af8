import BackupModel
import BackupSystem
import Glibc
import Synchronization

/// What lies between two neighbours of a pipeline: a pipe, and at the outer ends a descriptor of the caller or
/// `/dev/null`.
///
/// The read end of a pipe stays open here for as long as its consumer runs, also where that is a process with a copy of
/// its own: so it can be seen what the consumer left unread, and the producer cannot meet a broken pipe before that.
final class Boundary: Sendable {
    /// Which thread of ours sees the bytes pass.
    enum Counter { case consumer, producer, nobody }

    /// `nil` at the far end.
    let reader: OwnedDescriptor?
    /// `nil` at the near end, and at the far end of a pipeline whose bytes are kept by us.
    let writer: OwnedDescriptor?
    let isPipe: Bool
    /// Whether the descriptors are closed with the pipeline.
    let isOurs: Bool
    private let counter: Counter
    private let bytes = Atomic<Int64>(0)
    private let onCount: @Sendable (Int) -> Void
    /// Guards the closing of `reader`. The value: whether the producer still had it open when that was done.
    private let readerLock = Mutex(false)

    init(
        reader: OwnedDescriptor?, writer: OwnedDescriptor?, isPipe: Bool, isOurs: Bool, counter: Counter,
        onCount: @escaping @Sendable (Int) -> Void
    ) {
        self.reader = reader
        self.writer = writer
        self.isPipe = isPipe
        self.isOurs = isOurs
        self.counter = counter
        self.onCount = onCount
    }

    /// The bytes that passed, if they were seen.
    var count: Int64? { counter == .nobody ? nil : bytes.load(ordering: .relaxed) }

    /// Bytes that a thread of ours has written to it.
    var writtenSize: Int64 { counter == .producer ? bytes.load(ordering: .relaxed) : 0 }

    func consumed(_ count: Int) { if counter == .consumer { add(count) } }
    func produced(_ count: Int) { if counter == .producer { add(count) } }

    private func add(_ count: Int) {
        bytes.wrappingAdd(Int64(count), ordering: .relaxed)
        onCount(count)
    }

    // MARK: - Looking into the pipe

    /// The state of a pipe whose consumer still runs.
    struct Fill {
        /// Bytes in the pipe.
        var waiting: Int
        /// Whether anybody can still write.
        var hasWriter: Bool
    }

    /// `nil` when it is not a pipe, or its consumer has ended. May be asked for on any thread.
    var fill: Fill? {
        guard isPipe, let reader else { return nil }
        return readerLock.withLock { _ in
            guard reader.isOpen else { return nil }
            var poller = pollfd(fd: reader.raw, events: Int16(POLLIN), revents: 0)
            let ready = poll(&poller, 1, 0)
            let hangUp = ready == 1 && poller.revents & Int16(POLLHUP) != 0
            return Fill(waiting: reader.bytesWaiting, hasWriter: !hangUp)
        }
    }

    // MARK: - Closing

    /// The consumer has ended: from now on the producer meets a broken pipe.
    func closeReader() {
        guard isPipe, let reader else { return }
        readerLock.withLock { producerWasCutOff in
            guard reader.isOpen else { return }
            var poller = pollfd(fd: reader.raw, events: 0, revents: 0)
            producerWasCutOff = !(poll(&poller, 1, 0) == 1 && poller.revents & Int16(POLLHUP) != 0)
            reader.close()
        }
    }

    /// Whether the consumer left while the producer could still write. Only then can the producer be its victim: a
    /// consumer that met the end of its input has harmed nobody.
    var producerWasCutOff: Bool { readerLock.withLock { $0 } }

    /// The producer has ended, or has a copy of its own: after the bytes in the pipe the consumer meets the end.
    func closeWriter() { if isPipe { writer?.close() } }

    func closeAll() {
        guard isOurs else { return }
        readerLock.withLock { _ in reader?.close() }
        writer?.close()
    }
}
