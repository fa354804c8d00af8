import BackupCompression
package import BackupConfig
package import BackupCrypto
package import BackupModel
package import BackupPipeline
package import BackupRestore
package import BackupStorage
package import BackupSystem
import BackupUnits

/// What one configuration directory describes: the settings, and with them the storage, the key ring, the units.
package struct Installation: Sendable {
    package let configurationPath: String
    package let configuration: LoadedConfiguration
    package let clock: any WallClock

    /// Reads the configuration; touches nothing else.
    package init(configurationPath: String, clock: any WallClock = SystemClock()) throws(BackupError) {
        self.configurationPath = configurationPath
        configuration = try ConfigurationDirectory(path: configurationPath).load()
        self.clock = clock
    }

    /// The directory of programs that the configuration may name without a path.
    package var libraryDirectory: String {
        let path = RealPath.of(configurationPath)
        return (path == "/" ? "" : path) + "/lib-enabled"
    }

    package var main: MainConfiguration { configuration.main }

    /// Opens the storage. Its directory must be there: a missing one is more often a file system that is not mounted than
    /// a storage that nobody has made yet.
    package func storage() throws(BackupError) -> DefaultFileStorage {
        let durability: DefaultFileStorage.Durability =
            switch main.storage.durability {
            case .none: .none
            case .filesystem: .filesystem
            case .element: .element
            }
        return try DefaultFileStorage(
            path: main.storage.directory, durability: durability,
            nameZone: main.storage.nameZone == .local ? .local : .utc,
            partialDirectory: main.storage.partialDirectory)
    }

    package func keyRing() throws(BackupError) -> KeyRing { try KeyRing(directory: main.general.keysDirectory) }

    /// The state directory, made with mode 0700 if it is missing.
    func stateDirectory() throws(BackupError) -> Directory {
        try Directory(path: main.general.stateDirectory, create: true)
    }

    /// Makes the runtime directory if it is missing. Whoever may open the socket of a listener must get through it, and it
    /// holds nothing else but the control socket: each has a mode of its own. So it is made with mode 0755.
    func makeRuntimeDirectory() throws(BackupError) {
        _ = try Directory(path: main.general.runtimeDirectory, create: true, mode: 0o755)
    }

    /// The enabled units that can be used, and what is wrong with the others.
    ///
    /// - Parameter names: only these; `nil` for all.
    func units(_ names: Set<String>? = nil, tarVersion: String?) -> (units: [any BackupUnit], errors: [BackupError]) {
        let context = unitContext(tarVersion: tarVersion)
        var units: [any BackupUnit] = []
        func isWanted(_ name: String) -> Bool { names?.contains(name) ?? true }
        var errors = configuration.unitErrors.filter { isWanted($0.unit) }.map(\.combined)
        for unit in configuration.units where isWanted(unit.name) {
            do throws(BackupError) { units.append(try BackupUnits.make(unit, context: context)) } catch {
                errors.append(.unitUnusable(unit.name, error))
            }
        }
        return (units, errors)
    }

    private func unitContext(tarVersion: String?) -> UnitContext {
        var context = UnitContext(
            stateDirectory: main.general.stateDirectory,
            excludedDirectories: [
                main.storage.directory, main.general.stateDirectory, main.general.runtimeDirectory,
            ],
            tarVersion: tarVersion,
            compressIndex: { () throws(BackupError) -> any ByteTransform in try ZstdCompressor(ZstdSettings()) })
        let state = main.general.stateDirectory
        context.machine = { () throws(BackupError) in
            try MachineRegistration.read(in: try Directory(path: state))?.description
        }
        context.libraryDirectory = libraryDirectory
        return context
    }

    /// The sources that the state of the unit `name` has, whether it is enabled or not.
    func rememberedSources(of name: String) -> [SourceURL] {
        BackupUnits.rememberedSources(of: name, context: unitContext(tarVersion: nil))
    }

    /// What restores: the storage, and what undoes the stages.
    ///
    /// - Parameter mayAsk: whether a person is there who can be asked for a passphrase.
    package func restoreSession(mayAsk: Bool, progress: PipelineProgress) throws(BackupError) -> RestoreSession {
        let keysDirectory = main.general.keysDirectory
        let gpg = GpgCommand.decrypt(homeDirectory: keysDirectory, mayAsk: mayAsk)
        var trusted: [[String]] = []
        for settings in [main.pipeline] + configuration.units.map(\.pipeline) {
            if case .command(_, let restore) = settings.compression { trusted.append(restore) }
        }
        let tools = RestoreTools(
            decrypt: ProcessStage(
                name: "gpg", executable: gpg[0], arguments: Array(gpg.dropFirst()),
                environment: mayAsk ? Terminal.environment : [:],
                verdict: .init(
                    isSuccess: { GpgCommand.isDecrypted(exitStatus: $0, errorOutput: $1) },
                    messages: { GpgCommand.messages(errorOutput: $0) },
                    diagnosis: {
                        GpgCommand.diagnosis(errorOutput: $0, homeDirectory: keysDirectory, mayAsk: mayAsk)
                    })),
            decryptByHand: ["gpg", "--homedir", main.general.keysDirectory, "--decrypt"],
            decompress: .transform(name: "zstd") { () throws(BackupError) -> any ByteTransform in
                try ZstdDecompressor()
            },
            trustedCommands: trusted, libraryDirectory: libraryDirectory)
        return RestoreSession(
            storage: try storage(), storagePath: main.storage.directory,
            protected: [
                ProtectedPlace(name: "the state directory", path: main.general.stateDirectory, care: .untouched),
                ProtectedPlace(name: "the key ring", path: main.general.keysDirectory, care: .kept),
                ProtectedPlace(name: "the configuration", path: configurationPath, care: .keptInTheEnd),
            ], tools: tools,
            // A person may take her time at the prompt for the passphrase, and tar over a huge file.
            stallTimeout: nil, progress: progress)
    }
}
