package import BackupModel
package import BackupSystem

/// One stage of a pipeline: bytes in at one end, bytes out at the other.
package enum Stage: Sendable {
    /// A process that reads standard input and writes standard output.
    case process(ProcessStage)
    /// A transform inside this process, made on the thread that will run it.
    case transform(name: String, make: @Sendable () throws(BackupError) -> any ByteTransform)

    package var name: String {
        switch self {
        case .process(let stage): stage.name
        case .transform(let name, _): name
        }
    }
}

/// A process as a stage.
package struct ProcessStage: Sendable {
    /// What messages call it: `tar`, `gpg`.
    package var name: String
    /// An absolute path, or a name that is looked up in ``libraryDirectory`` and `PATH`.
    package var executable: String
    /// The arguments, the program's own name not among them.
    package var arguments: [String]
    /// Added to the environment, replacing what is there. `LC_ALL` is `C` unless it
    /// stands here, so that messages can be understood.
    package var environment: [String: String]
    /// Where it runs; `nil` for `/`, so that no service keeps a mounted file system busy.
    package var workingDirectory: String?
    /// The exit statuses that count as success. A signal never does.
    package var acceptedStatuses: Set<Int32>
    /// How long it may run; `nil` for as long as bytes move.
    package var timeout: TimeSpan?
    /// A directory of programs that are found by their names before those in `PATH`; `nil` for none.
    package var libraryDirectory: String?
    /// Whether it has the environment of this process besides ``environment``.
    package var inheritsEnvironment = true
    /// What it can read from standard input, all or nothing of it, where the pipeline gives it none.
    package var standardInput: [UInt8]?
    /// Takes what it says on descriptor 3; `nil`: it has no such descriptor. Only for the first stage of a pipeline
    /// without input.
    package var messages: MessageSink?
    /// The directory beneath which alone it may write, see ``ConfinedProcess``; `nil` for no such limit. Where the kernel
    /// cannot see to that, the stage fails. Not for one with ``messages``.
    package var writesBeneath: OwnedDescriptor?
    /// Exit statuses by which it says what kind of failure it is: `busy` for what is not possible now.
    package var meanings: [Int32: BackupError.Code] = [:]
    /// Decides in place of ``acceptedStatuses``, for programs whose exit status alone does not tell.
    package var verdict: Verdict?

    /// Reads exit status and standard error together.
    package struct Verdict: Sendable {
        /// Whether the process did well; not asked when a signal ended it.
        package let isSuccess: @Sendable (_ exitStatus: Int32, _ standardError: String) -> Bool
        /// What people should see of its standard error.
        package let messages: @Sendable (_ standardError: String) -> String
        /// What was wrong, where that can be read from standard error, without the name of the stage; `nil` where it
        /// cannot. Not asked when a signal ended the process or it did well.
        package let diagnosis: @Sendable (_ standardError: String) -> BackupError?

        package init(
            isSuccess: @escaping @Sendable (_ exitStatus: Int32, _ standardError: String) -> Bool = { status, _ in
                status == 0
            },
            messages: @escaping @Sendable (_ standardError: String) -> String = { $0 },
            diagnosis: @escaping @Sendable (_ standardError: String) -> BackupError? = { _ in nil }
        ) {
            self.isSuccess = isSuccess
            self.messages = messages
            self.diagnosis = diagnosis
        }
    }
    package init(
        name: String, executable: String, arguments: [String], environment: [String: String] = [:],
        workingDirectory: String? = nil, acceptedStatuses: Set<Int32> = [0], timeout: TimeSpan? = nil,
        verdict: Verdict? = nil
    ) {
        self.name = name
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.acceptedStatuses = acceptedStatuses
        self.timeout = timeout
        self.verdict = verdict
    }
}
