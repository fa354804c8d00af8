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
        commandName: "cat",
        abstract: "Write an element, or the newest state of a source, decrypted and decompressed, to standard output.",
        discussion: """
            An element is named as `gb storage list` prints it; a tar element gives a tar archive. For a source its last \
            full comes, and then the increments, one behind the other: that is the log of a `packages` unit, or the \
            output of a command or program. Sources of tar have `gb restore extract`.

            Exit code 4: an element is damaged; what came out until then must not be used.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var point: RestorePointOption
    @Argument(help: ArgumentHelp("An element ID, or a source URL.", valueName: "ELEMENT|SOURCE")) var name: String

    func validate() throws {
        if isatty(STDOUT_FILENO) == 1 {
            throw ValidationError("Standard output is a terminal. Send the element into a file or a pipe.")
        }
    }

    func run() async throws {
        guard !Output.standard.isClosed else { throw BackupError.outputLost(Output.closed) }
        let installation = try common.installation()
        let session = try installation.restoreSession(mayAsk: Output.inputIsTerminal, progress: PipelineProgress())
        let elements = try await elements(session)
        try await Interruption.handle { () throws(BackupError) in
            let raw = try systemCall("duplicate", "standard output") { fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) }
            let output = OwnedDescriptor(raw, name: "standard output")
            for element in elements { try await session.write(element, to: .descriptor(output)) }
        }
    }

    private func elements(_ session: RestoreSession) async throws(BackupError) -> [StoredElement] {
        let id: ElementID
        do throws(BackupError) { id = try ElementID(name) } catch {
            // What begins with a number was meant as an element.
            guard let source = try? SourceURL(name), source.parts.last?.first?.isNumber == false else { throw error }
            let (plan, change) = try await point.plan(of: source, session, configDirectory: common.configDirectory)
            // Standard output is for the bytes.
            if let change { Output.error("gb: " + change.sentence(plan)) }
            if plan.elements.count > 1, try await session.layers(of: plan.elements[0]).isArchive {
                throw .catOfTar(source)
            }
            try session.checkFormats(plan)
            return plan.elements
        }
        if point.time.text != nil || point.beforePackage != nil { throw .timeOfElement(id) }
        return [try session.storage.element(id)]
    }
}
