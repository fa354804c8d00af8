import NIOCore

/// Runs tasks on the thread of an event loop: what reads from a channel, judges and answers, and does not block, then needs
/// no change of threads, which takes longer than the answer to a small request.
final class LoopTaskExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
