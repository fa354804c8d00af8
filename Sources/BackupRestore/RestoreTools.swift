import BackupModel
package import BackupPipeline

/// What undoes stages, given by whoever knows compression and keys.
package struct RestoreTools: Sendable {
    /// The process that decrypts, with the key ring of this machine.
    package var decrypt: ProcessStage
    /// The same as a person types it.
    package var decryptByHand: [String]
    /// The stage that undoes zstd.
    package var decompress: Stage
    /// Restore commands that the administrator of this machine has configured, and that may therefore be run.
    package var trustedCommands: [[String]]
    /// Where their programs are found by name before `PATH`; `nil` for nowhere.
    package var libraryDirectory: String?

    package init(
        decrypt: ProcessStage, decryptByHand: [String], decompress: Stage, trustedCommands: [[String]],
        libraryDirectory: String? = nil
    ) {
        self.decrypt = decrypt
        self.decryptByHand = decryptByHand
        self.decompress = decompress
        self.trustedCommands = trustedCommands
        self.libraryDirectory = libraryDirectory
    }
}

/// One step on the way back from stored bytes to the payload.
struct UndoStep: Sendable {
    let stage: Stage
    /// The same as a command for a shell.
    let shellCommand: [String]
}

/// How the bytes of an element are undone, and what is inside.
package struct ElementLayers: Sendable {
    /// What the innermost bytes are.
    package enum Payload: Sendable {
        /// An archive that GNU tar reads.
        case tar
        /// Bytes that mean something to whoever wrote them: a dump, a log file.
        case bytes
        /// Bytes that go on where those of the element before ended: what is known of packages, the log of their
        /// manager, and what a program of the format `append` makes.
        case piece
    }

    let steps: [UndoStep]
    package let payload: Payload

    package var isArchive: Bool { payload == .tar }
    package var stages: [Stage] { steps.map(\.stage) }
    package var shellCommands: [[String]] { steps.map(\.shellCommand) }
    /// Whether a secret key is needed.
    package let isEncrypted: Bool
}
