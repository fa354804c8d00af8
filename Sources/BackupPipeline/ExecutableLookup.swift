import BackupModel
import Glibc

/// Finds programs before anything is started.
enum ExecutableLookup {
    /// What is searched where the environment has no `PATH`, as the shell does it.
    private static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The path of the program of `stage`.
    ///
    /// - Throws: `programMissing` when there is none, or none that may be executed.
    static func path(of stage: ProcessStage, _ label: StageLabel) throws(BackupError) -> String {
        let program = stage.executable
        if program.contains("/") {
            switch look(at: program) {
            case .executable: return program
            case .unusable(let reason): throw .programUnusable(label, program, reason)
            case .missing: throw .programMissing(label, program, searched: nil)
            }
        }
        if let library = stage.libraryDirectory, let found = try inLibrary(library, program, label) { return found }
        let searched = stage.environment["PATH"] ?? getenv("PATH").map { String(cString: $0) } ?? defaultPath
        var unusable: (path: String, reason: String)?
        for directory in searched.split(separator: ":") where directory.hasPrefix("/") && !program.isEmpty {
            let candidate = directory + "/" + program
            switch look(at: candidate) {
            case .executable: return candidate
            case .unusable(let reason): unusable = unusable ?? (candidate, reason)
            case .missing: continue
            }
        }
        if let unusable { throw .programUnusable(label, unusable.path, unusable.reason) }
        throw .programMissing(label, program, searched: searched)
    }

    /// The program that the administrator has put into the directory `library` under this name; `nil` when there is none.
    /// What is there and cannot be run is an error: another program of the name is not what was wanted.
    private static func inLibrary(
        _ library: String, _ program: String, _ label: StageLabel
    ) throws(BackupError) -> String? {
        let path = library + "/" + program
        var status = stat()
        guard !program.isEmpty, program != ".", program != "..", lstat(path, &status) == 0 else { return nil }
        switch look(at: path) {
        case .executable: break
        case .missing: throw .libraryUnusable(label, path, "it is a link that leads nowhere")
        case .unusable(let reason): throw .libraryUnusable(label, path, reason)
        }
        do throws(BackupError) { try TrustedProgram.check(path) } catch { throw .stageFailed(label, error) }
        return path
    }

    /// Whether the file begins as the kernel wants it: like a script or a binary. What cannot be read is left to the
    /// kernel.
    static func isRunnable(_ path: String) -> Bool {
        guard let start = start(of: path) else { return true }
        return start.starts(with: Array("#!".utf8)) || start.starts(with: [0x7f] + Array("ELF".utf8))
    }

    /// The program that the first line of a script names; `nil` where it is no script.
    static func interpreter(of path: String) -> String? {
        guard let start = start(of: path), start.starts(with: Array("#!".utf8)) else { return nil }
        let line = start.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
        let blank: Set = [UInt8(ascii: " "), UInt8(ascii: "\t")]
        let name = line.drop { blank.contains($0) }.prefix { !blank.contains($0) }
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
    }

    /// The first bytes of a file, as many as the kernel looks at; `nil` where it cannot be read.
    private static func start(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var start = [UInt8](repeating: 0, count: 256)
        let count = start.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        return count < 0 ? nil : Array(start.prefix(count))
    }

    private enum Finding {
        case executable, missing
        case unusable(String)
    }

    private static func look(at path: String) -> Finding {
        var status = stat()
        guard stat(path, &status) == 0 else {
            return errno == EACCES ? .unusable("a directory on the way to it may not be entered") : .missing
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return .unusable("it is not a plain file") }
        return access(path, X_OK) == 0 ? .executable : .unusable("this user may not execute it")
    }
}
