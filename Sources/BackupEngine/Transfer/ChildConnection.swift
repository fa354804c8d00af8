import BackupModel
import BackupPipeline
import BackupSystem
import BackupTransfer
import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// A command whose standard input and output are the connection to a peer: ssh, socat, or whatever an administrator
/// trusts. What it says on standard error goes where ours goes, so that ssh can tell or ask a person something.
struct ChildConnection: Sendable {
    /// How long the command may live on after the connection has ended, in seconds, before it is asked to end; after as
    /// long again it is made to.
    private static let grace = 5

    let command: [String]

    /// Runs the command and hands our end of the connection to `body`; both have ended on return.
    ///
    /// - Throws: `programMissing`, and what keeps the command from being started. That it ended badly is part of the outcome.
    func run(
        _ body: @escaping @Sendable (OwnedDescriptor) async throws(BackupError) -> ConnectionOutcome
    ) async throws(BackupError) -> ConnectionOutcome {
        guard let program = command.first else { throw .emptyCommand() }
        let path = try ProcessStage(name: program, executable: program, arguments: []).locateProgram()
        let (ours, theirs) = try PeerStream.socketPair()
        let watchdog = Mutex<Task<Void, any Error>?>(nil)
        let ended: ExecutionResult<Result<ConnectionOutcome, BackupError>, FileDescriptorOutput, FileDescriptorOutput>
        do {
            let socket = FileDescriptor(rawValue: theirs.raw)
            ended = try await Subprocess.run(
                .path(FilePath(path)),
                arguments: Arguments(executablePathOverride: program, remainingValues: Array(command.dropFirst())),
                input: .fileDescriptor(socket, closeAfterSpawningProcess: false),
                output: .fileDescriptor(socket, closeAfterSpawningProcess: false),
                error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
            ) { execution -> Result<ConnectionOutcome, BackupError> in
                // Else we would never see the end of the stream when the command ends.
                theirs.close()
                let pid = execution.processIdentifier.value
                let result: Result<ConnectionOutcome, BackupError>
                do throws(BackupError) { result = .success(try await body(ours)) } catch { result = .failure(error) }
                watchdog.withLock { $0 = Self.end(pid) }
                return result
            }
        } catch {
            theirs.close()
            throw .commandNotStarted(command, error)
        }
        watchdog.withLock { $0?.cancel() }
        var outcome = try ended.closureResult.get()
        // When the work stopped for a reason of ours, the command ended badly because of that.
        if let failure = outcome.failure, outcome.isBroken, !ended.terminationStatus.isSuccess {
            outcome.failure = .peerCommandFailed(command, Self.text(ended.terminationStatus), failure)
        }
        return outcome
    }

    private static func text(_ status: TerminationStatus) -> String {
        switch status {
        case .exited(let code): "exit code \(code)"
        case .signaled(let number): "signal \(number)"
        }
    }

    /// Ends a command that does not notice that its connection is over. Cancelled as soon as it has been reaped.
    private static func end(_ pid: pid_t) -> Task<Void, any Error> {
        Task {
            try await Task.sleep(for: .seconds(grace))
            kill(pid, SIGTERM)
            try await Task.sleep(for: .seconds(grace))
            kill(pid, SIGKILL)
        }
    }
}
