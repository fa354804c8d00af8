import BackupConfig
import BackupCrypto
import BackupModel
import BackupPipeline
import BackupStorage
import BackupSystem
import BackupUnits
import Glibc

/// Looks at everything that a configuration needs: directories, keys, programs, and each unit. Changes nothing, but that
/// ``look()`` makes the directories that programs have for themselves.
package struct ConfigurationCheck: Sendable {
    package struct Finding: Sendable, Hashable {
        package enum Grade: String, Sendable {
            case good, warning, error
        }
        package let grade: Grade
        /// What was looked at: "storage", "key", "unit Root".
        package let subject: String
        package let message: String
    }

    /// Keys that end sooner than this are worth a warning, in seconds.
    static let keyWarning: Int64 = 30 * 86400

    let installation: Installation
    private var findings: [Finding] = []
    /// The units, once they were made.
    private var found: (units: [any BackupUnit], errors: [BackupError])?

    package init(_ installation: Installation) { self.installation = installation }

    /// Lets the units ask their programs what is to be done: comes first, where there may be such.
    package mutating func look() async {
        let found = installation.units(tarVersion: nil)
        await Generator.look(found.units, now: installation.clock.now())
        self.found = found
    }

    /// All findings, good ones included.
    package mutating func run() -> [Finding] {
        findings = []
        for warning in installation.configuration.warnings { add(.warning, "configuration", warning) }
        checkDirectories()
        checkKeys()
        checkSigning()
        checkTransfer()
        checkUnits()
        checkLibrary()
        return findings
    }

    mutating func add(_ grade: Finding.Grade, _ subject: String, _ message: String) {
        // A message that says itself whose it is need not say it twice.
        let start = subject + ": "
        let message = message.hasPrefix(start) ? String(message.dropFirst(start.count)) : message
        let finding = Finding(grade: grade, subject: subject, message: message)
        // Several checks can meet the same obstacle.
        if !findings.contains(finding) { findings.append(finding) }
    }

    /// Runs a check; what it throws is an error of `subject`, what it returns is what was good.
    mutating func check(_ subject: String, _ body: () throws(BackupError) -> String) {
        do throws(BackupError) { add(.good, subject, try body()) } catch { add(.error, subject, error.description) }
    }

    // MARK: - Directories

    private mutating func checkDirectories() {
        let installation = installation
        let storagePath = installation.main.storage.directory
        check("storage") { () throws(BackupError) in
            let storage = try installation.storage()
            try storage.checkWritable()
            try storage.checkPartialDirectory()
            return "\(storagePath) can be written"
        }
        let statePath = installation.main.general.stateDirectory
        check("state") { () throws(BackupError) in
            // The directory is made at the first run; until then its nearest parent must let us.
            let existing = Self.nearestExisting(statePath)
            guard access(existing, W_OK | X_OK) == 0 else { throw .system(errno, "write to", existing) }
            return existing == statePath ? "\(statePath) can be written" : "\(statePath) will be made"
        }
        for setting in [("storage", storagePath), ("state", statePath)] where installation.main.general.testMode {
            add(.warning, setting.0, "test_mode is on: elements are made and dropped")
        }
    }

    static func nearestExisting(_ path: String) -> String {
        var path = path
        while access(path, F_OK) != 0, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            path = String(path[..<slash])
        }
        return access(path, F_OK) == 0 ? path : "/"
    }

    // MARK: - Keys

    private mutating func checkKeys() {
        let units = installation.configuration.units
        var names: Set<String> = []
        for setting in units.flatMap(\.encryptions) + [installation.main.pipeline.encryption] {
            switch setting {
            case .none: break
            case .recipients(let recipients): names.formUnion(recipients)
            }
        }
        for unit in units {
            for (source, setting) in unit.encryptionBySource where setting == .none {
                add(.warning, "unit \(unit.name)", "\(source) is stored without encryption")
            }
            for (input, setting) in unit.encryptionByInput where setting == .none {
                add(.warning, "unit \(unit.name)", "what inputs.\(input) finds is stored without encryption")
            }
        }
        for unit in units {
            if case .program(let settings) = unit.kind, settings.encryption == .none {
                add(.warning, "unit \(unit.name)", "what its program makes is stored without encryption")
            }
        }
        guard !names.isEmpty else { return }
        let ring: KeyRing
        do throws(BackupError) { ring = try installation.keyRing() } catch {
            add(.error, "keys", error.description)
            return
        }
        for warning in ring.warnings { add(.warning, "keys", warning) }
        let now = installation.clock.now()
        for name in names.sorted() {
            do throws(BackupError) {
                let key = try ring.encryptionKey(name, at: now)
                add(.good, "key", "\(key.fingerprint) (\(key.userID.escapedForMessage)) can encrypt")
                if let expires = key.expires, (expires - now).seconds < Self.keyWarning {
                    add(
                        .warning, "key",
                        "\(key.fingerprint) expires at \(expires): after that nothing is backed up; extend it and import it again"
                    )
                }
                if key.hasSecret {
                    add(
                        .warning, "key",
                        "the secret half of \(key.fingerprint) lies on this machine: whoever breaks in can read all backups"
                    )
                }
            } catch {
                add(.error, "key", error.description)
            }
        }
    }

    // MARK: - Units

    private mutating func checkUnits() {
        let installation = installation
        let (units, errors) = found ?? installation.units(tarVersion: nil)
        for error in errors { add(.error, "units", error.description) }
        if units.isEmpty, errors.isEmpty {
            add(
                .warning, "units",
                "no unit is enabled: link a unit definition into \(installation.configurationPath)/units")
        }
        var owners = SourceOwners(installation)
        let storage = try? installation.storage()
        for unit in units {
            let subject = "unit \(unit.name)"
            var outlook = UnitOutlook()
            do throws(BackupError) { outlook = try unit.outlook(now: installation.clock.now()) } catch {
                add(.error, subject, error.description)
                continue
            }
            owners.settle(&outlook, of: unit)
            for run in outlook.runs {
                guard let storage else { break }
                do throws(BackupError) { try installation.checkWriter(unit, run.source, storage) } catch {
                    outlook.problems.append(error)
                }
            }
            if outlook.problems.isEmpty {
                let sources = unit.sources
                let list = sources.isEmpty ? "" : ": \(sources.map(\.description).joined(separator: ", "))"
                add(.good, subject, "\(sources.count) sources" + list)
            }
            let isProgram = installation.configuration.units.contains {
                if case .program = $0.kind { return $0.name == unit.name }
                return false
            }
            for problem in outlook.problems {
                // What a program could not do this time is no reason to keep a service with other units from starting.
                let mayPass = isProgram && [.processFailed, .timedOut].contains(problem.code)
                add(mayPass ? .warning : .error, subject, problem.description)
            }
            for notice in outlook.notices { add(.warning, subject, notice) }
        }
        for unit in installation.configuration.units {
            let subject = "unit \(unit.name)"
            for root in unit.roots where access(root.path, R_OK | X_OK) != 0 {
                add(.error, subject, "\(root.source): root: \(BackupError.system(errno, "read", root.path))")
            }
            for program in unit.programs { checkProgram(program, subject) }
        }
    }

    /// Programs that are started by a name of ours, and not by one of the configuration.
    static let ownPrograms: Set<String> = ["tar", "gpg", "gzip", "bzip2", "xz"]

    private mutating func checkProgram(_ program: String, _ subject: String) {
        var stage = ProcessStage(name: program, executable: program, arguments: [])
        // What we start ourselves is always that of the system.
        if !Self.ownPrograms.contains(program) { stage.libraryDirectory = installation.libraryDirectory }
        do throws(BackupError) { _ = try stage.locateProgram() } catch { add(.error, subject, error.description) }
    }
}

extension UnitConfiguration {
    var encryptionBySource: [(SourceURL, EncryptionSetting)] {
        switch kind {
        case .tar(let sources): sources.map { ($0.source, $0.encryption) }
        case .command(let sources): sources.map { ($0.source, $0.encryption) }
        case .logfile, .program: []
        case .packages(let settings): settings.sources.map { ($0, settings.encryption) }
        }
    }

    /// The inputs of a unit that finds its sources.
    private var inputs: [LogfileInputSettings] {
        if case .logfile(let settings) = kind { return settings.inputs }
        return []
    }

    var encryptionByInput: [(name: String, encryption: EncryptionSetting)] { inputs.map { ($0.name, $0.encryption) } }

    var encryptions: [EncryptionSetting] {
        if case .program(let settings) = kind { return [settings.encryption] }
        return encryptionBySource.map(\.1) + encryptionByInput.map(\.encryption)
    }

    /// The directories that tar sources begin at.
    var roots: [(source: SourceURL, path: String)] {
        switch kind {
        case .tar(let sources): sources.map { ($0.source, $0.root) }
        case .command, .logfile, .packages, .program: []
        }
    }

    /// All programs that running the unit needs, each once.
    var programs: [String] {
        var programs: Set<String> = []
        func insert(_ command: [String]?) { if let program = command?.first { programs.insert(program) } }
        switch kind {
        case .tar(let sources):
            for source in sources {
                insert(source.fullCommand ?? ["tar"])
                if source.incTiming != nil { insert(source.incCommand ?? ["tar"]) }
                insert(source.preCommand)
                insert(source.postCommand)
            }
        case .command(let sources): for source in sources { insert(source.command) }
        // What a log is compressed with shows when it is read; without the program the run says so.
        case .packages: break
        // The unit finds it itself, and says what is wrong with it.
        case .program: break
        case .logfile(let settings):
            for compression in FileCompression.allCases {
                guard let program = compression.program else { continue }
                // Whether a pattern can match a suffix is seen when there is such a file; that it names it is enough here.
                let isNamed = settings.inputs.contains {
                    $0.pattern.contains(LogPattern.compress) && $0.pattern.contains(compression.rawValue)
                }
                if isNamed { insert([program.executable]) }
            }
        }
        if case .command(let compress, let restore) = pipeline.compression {
            insert(compress)
            insert(restore)
        }
        if encryptions.contains(where: { $0 != .none }) { insert(["gpg"]) }
        return programs.sorted()
    }
}
