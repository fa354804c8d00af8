import ArgumentParser
import BackupEngine
import BackupModel
import BackupPipeline
import BackupRestore
import BackupStorage
import BackupSystem
import Glibc

/// `gb restore cat`.
struct RestoreCat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat", abstract: "Write an element, decrypted and decompressed, to standard output.",
        discussion: """
            A tar element gives a tar archive. Exit code 4: the element is damaged; what came out until then must not \
            be used.
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: ArgumentHelp("As `gb storage list` prints it.", valueName: "ELEMENT")) var element: String

    func validate() throws {
        if isatty(STDOUT_FILENO) == 1 {
            throw ValidationError("Standard output is a terminal. Send the element into a file or a pipe.")
        }
    }

    func run() async throws {
        guard !Output.standard.isClosed else { throw BackupError.outputLost(Output.closed) }
        let installation = try common.installation()
        let session = try installation.restoreSession(mayAsk: Output.inputIsTerminal, progress: PipelineProgress())
        let stored = try session.storage.element(try ElementID(element))
        try await Interruption.handle { () throws(BackupError) in
            let raw = try systemCall("duplicate", "standard output") { fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) }
            try await session.write(stored, to: .descriptor(OwnedDescriptor(raw, name: "standard output")))
        }
    }
}
