import BackupModel
import BackupPipeline
import BackupStorage
import BackupSystem

/// Finds out how an element is undone: from the `Pipeline` in its metadata or, for elements of the original, from the
/// first bytes of each layer.
struct LayerResolver {
    let storage: any ElementStorage
    let tools: RestoreTools
    let stallTimeout: TimeSpan?

    /// More layers than anybody has.
    private static let maximumLayers = 6

    func layers(of element: StoredElement) async throws(BackupError) -> ElementLayers {
        let layers: ElementLayers
        // A Pipeline without stages says nothing of how the bytes came to be.
        if let records = element.metadata.pipeline, !records.isEmpty {
            layers = try recorded(records, element.id)
        } else {
            layers = try await sniffed(element)
        }
        let isOfProgram = element.metadata.pipeline?.first?.stage == ProgramRecord.stage
        guard element.metadata.type == .full || layers.isArchive || layers.payload == .piece || isOfProgram else {
            throw .incrementWithoutArchive(element.id)
        }
        return layers
    }

    // MARK: - By metadata

    private func recorded(_ records: [StageRecord], _ id: ElementID) throws(BackupError) -> ElementLayers {
        var steps: [UndoStep] = []
        var payload = ElementLayers.Payload.bytes
        var isEncrypted = false
        for (position, record) in records.enumerated().reversed() {
            switch record.stage {
            case "tar" where position == 0: payload = .tar
            case "command" where position == 0, "logfile" where position == 0: break
            case "packages" where position == 0: payload = .piece
            case ProgramRecord.stage where position == 0: payload = try ProgramRecord.payload(record, id)
            case "zstd": steps.append(zstd)
            case "gpg":
                steps.append(gpg)
                isEncrypted = true
            default:
                guard let command = record.restore, let program = command.first else {
                    throw .cannotUndo(id, record.stage)
                }
                guard tools.trustedCommands.contains(command) else { throw .recordedCommand(id, command) }
                steps.append(configured(program, Array(command.dropFirst())))
            }
        }
        return ElementLayers(steps: steps, payload: payload, isEncrypted: isEncrypted)
    }

    private var zstd: UndoStep { UndoStep(stage: tools.decompress, shellCommand: ["zstd", "-dc", "--long=31"]) }

    private var gpg: UndoStep {
        UndoStep(stage: .process(tools.decrypt), shellCommand: tools.decryptByHand)
    }

    /// A command of the configuration; the line for a shell names what is not found by name there.
    private func configured(_ program: String, _ arguments: [String]) -> UndoStep {
        var stage = ProcessStage(name: program, executable: program, arguments: arguments)
        stage.libraryDirectory = tools.libraryDirectory
        var named = program
        if let library = tools.libraryDirectory, let path = try? stage.locateProgram(), path.hasPrefix(library + "/") {
            named = path
        }
        return UndoStep(stage: .process(stage), shellCommand: [named] + arguments)
    }

    private static func command(_ program: String, _ arguments: [String]) -> UndoStep {
        UndoStep(
            stage: .process(ProcessStage(name: program, executable: program, arguments: arguments)),
            shellCommand: [program] + arguments)
    }

    // MARK: - By the bytes

    private func sniffed(_ element: StoredElement) async throws(BackupError) -> ElementLayers {
        var steps: [UndoStep] = []
        var isEncrypted = false
        while steps.count < Self.maximumLayers {
            let beginning = try await beginning(of: element, steps.map(\.stage))
            switch Magic(beginning) {
            case .zstd: steps.append(zstd)
            case .gzip: steps.append(Self.command("gzip", ["-dc"]))
            case .bzip2: steps.append(Self.command("bzip2", ["-dc"]))
            case .xz: steps.append(Self.command("xz", ["-dc"]))
            case .openPGP:
                steps.append(gpg)
                isEncrypted = true
            case .tar: return ElementLayers(steps: steps, payload: .tar, isEncrypted: isEncrypted)
            case .unknown: return ElementLayers(steps: steps, payload: .bytes, isEncrypted: isEncrypted)
            }
        }
        return ElementLayers(steps: steps, payload: .bytes, isEncrypted: isEncrypted)
    }

    private func beginning(of element: StoredElement, _ stages: [Stage]) async throws(BackupError) -> [UInt8] {
        let file = try storage.openData(element.id)
        defer { file.close() }
        if stages.isEmpty { return try file.readPrefix(TarHeader.size) }
        let pipeline = Pipeline(
            input: .file(file, expected: nil), stages: stages, output: .prefix(limit: TarHeader.size),
            stallTimeout: stallTimeout)
        return try await pipeline.run().result.get().prefix
    }
}

/// What the first bytes of a file tell about it.
enum Magic: Equatable {
    case zstd, gzip, bzip2, xz, openPGP, tar, unknown

    init(_ bytes: [UInt8]) {
        if bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) {
            self = .zstd
        } else if bytes.starts(with: [0x1f, 0x8b]) {
            self = .gzip
        } else if bytes.starts(with: Array("BZh".utf8)) {
            self = .bzip2
        } else if bytes.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) {
            self = .xz
        } else if bytes.count >= TarHeader.size, TarHeader.hasChecksum(Array(bytes[..<TarHeader.size])) {
            // By the checksum and not by "ustar": the oldest format has no such word.
            self = .tar
        } else if let first = bytes.first, [0x84, 0x85, 0x86, 0x8c, 0x8d, 0xc1, 0xc3].contains(first) {
            // RFC 4880, 4.2: a message begins with a packet of tag 1 or 3, the encrypted session key.
            self = .openPGP
        } else {
            self = .unknown
        }
    }
}
