package import BackupModel

extension ProcessStage {
    /// The path of the program that would be started.
    ///
    /// - Throws: `programMissing` when there is none, or none that may be executed.
    package func locateProgram() throws(BackupError) -> String {
        try ExecutableLookup.path(of: self, StageLabel(name.escapedForMessage))
    }
}
