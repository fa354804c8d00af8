import ArgumentParser
import BackupEngine
import BackupModel
import BackupStorage

/// `gb storage verify`.
struct StorageVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Reread everything: SHA-512, metadata, completeness, and the chain of each source.",
        discussion:
            "Exit code 0: all is sound; 4: something is damaged or, with --signatures, not signed by one of these keys, each "
            + "thing is named; 66: no source matches --source.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var pattern: PatternOption
    @OptionGroup var json: JSONOption
    @OptionGroup var signatures: SignaturesOption
    @Option(help: ArgumentHelp("Elements that are read at the same time, 1 to 64.", valueName: "N")) var jobs = 2

    func validate() throws {
        guard (1...64).contains(jobs) else { throw ValidationError("--jobs must be 1 to 64.") }
    }

    func run() async throws {
        let installation = try common.installation()
        let storage = try installation.storage()
        // A wrong fingerprint is to be known before hours of reading.
        let signatureCheck = try signatures.check(installation, jobs: jobs)
        var sources: [SourceURL] = []
        var total: Int64 = 0
        var links: [String] = []
        try storage.forEachElement(matching: try pattern.resolve(), links: { links.append($0) }) {
            source, listed throws(BackupError) in
            if sources.last != source { sources.append(source) }
            if case .element(let element) = listed { total += element.size }
        }
        try pattern.check(found: sources.count + links.count)
        let list = sources
        let hiding = links
        let bytes = total
        let sound = try await Interruption.handle { [self] () throws(BackupError) in
            try await verify(storage, list, bytes, hiding, signatureCheck)
        }
        if !sound { throw ExitCode(ExitStatus.damaged) }
    }

    private func verify(
        _ storage: DefaultFileStorage, _ sources: [SourceURL], _ total: Int64, _ links: [String],
        _ signatureCheck: SignatureCheck?
    ) async throws(BackupError) -> Bool {
        let verification = StorageVerification(storage, jobs: jobs)
        let line = ProgressLine("verify", total: total) { verification.progress.bytes }
        defer { line.end() }
        var sound = 0
        var damaged = 0
        var unchecked = 0
        var violations = 0
        var untrusted = 0
        for source in sources {
            line.label = "verify \(source)"
            let result = try await verification.verify(source)
            sound += result.sound.count
            unchecked += result.unchecked.count
            damaged += result.damaged.count
            violations += result.chainViolations.count + result.strays.count
            let trust = try await signatureCheck?.check(source)
            untrusted += trust?.refused.count ?? 0
            line.clear()
            show(result, trust)
        }
        line.end()
        // A pattern asks for some sources; what belongs to none is of interest when all are asked for, but for links that
        // may hide some of them.
        let strays = pattern.text == nil ? try verification.strayFiles() : links
        violations += strays.count
        show(strays)
        if !json.isOn {
            Output.standard.line(
                "\(counted(sources.count, "source")), \(counted(sound, "element")) sound, \(damaged) damaged, "
                    + "\(unchecked) without checksum, "
                    + (signatureCheck == nil ? "" : "\(untrusted) not signed as demanded, ")
                    + "\(counted(violations, "other fault")), \(ByteCount(verification.progress.bytes)) read")
        }
        return damaged == 0 && violations == 0 && untrusted == 0
    }

    private func show(_ strays: [String]) {
        guard !strays.isEmpty else { return }
        if json.isOn { return Output.standard.json(["strays": .array(strays.map { .string($0) })]) }
        for stray in strays { Output.standard.line("STRAY: \(stray)") }
    }

    private func show(_ result: StorageVerification.SourceResult, _ trust: SignatureCheck.SourceResult?) {
        if json.isOn {
            var object: JSONObject = [
                "source": .string(result.source.description), "sound": .integer(result.sound.count),
                "unchecked": .array(result.unchecked.map { .string($0.description) }),
                "damaged": .array(
                    result.damaged.map { .object(["element": .string($0.id.description), "error": $0.error.json]) }),
                "chain": .array(result.chainViolations.map { .string($0) }),
                "strays": .array(result.strays.map { .string($0) }),
            ]
            trust?.add(to: &object)
            Output.standard.json(object)
            return Output.standard.flush()
        }
        for (_, error) in trust?.refused ?? [] { Output.standard.line("UNTRUSTED: \(error)") }
        for (_, error) in result.damaged { Output.standard.line("DAMAGED: \(error)") }
        for violation in result.chainViolations { Output.standard.line("CHAIN: \(violation)") }
        for stray in result.strays { Output.standard.line("STRAY: \(stray)") }
        for id in result.unchecked { Output.standard.line("UNCHECKED: \(id) has no checksum to compare with") }
        Output.standard.flush()
    }
}
