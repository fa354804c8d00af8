package import BackupModel
import BackupSystem
package import Glibc

/// Runs a program of the system to its end, for tests that need one.
package struct ToolRun: Sendable {
    /// The exit code; 128 + N after signal N.
    package let status: Int
    /// Standard output and standard error, as they came.
    package let output: String

    package var isSuccess: Bool { status == 0 }

    /// - Parameter arguments: the program's path or name first.
    package init(_ arguments: [String]) throws(BackupError) {
        let name = arguments.first ?? ""
        let pipe = try Pipe(name: "output of \(name)")
        let process = try Self.spawn(arguments, output: pipe.writeEnd.raw)
        pipe.writeEnd.close()
        output = String(decoding: try pipe.readEnd.readToEnd(), as: UTF8.self)
        var code: CInt = 0
        try systemCall("wait for", name) { waitpid(process, &code, 0) }
        status = Int(code & 0x7f == 0 ? (code >> 8) & 0xff : 128 + (code & 0x7f))
    }

    /// Starts a program that goes on running; standard input is `/dev/null`.
    ///
    /// - Returns: its process number, for `kill` and ``reap(_:)``.
    package static func spawn(_ arguments: [String], output: CInt? = nil) throws(BackupError) -> pid_t {
        let name = arguments.first ?? ""
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        if let output {
            posix_spawn_file_actions_adddup2(&actions, output, 1)
            posix_spawn_file_actions_adddup2(&actions, output, 2)
        }
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var process = pid_t()
        let error = posix_spawnp(&process, name, &actions, nil, words, environ)
        guard error == 0 else { throw .system(error, "start", name) }
        return process
    }

    /// Waits for the end of a process that ``spawn(_:output:)`` started.
    package static func reap(_ process: pid_t) {
        while waitpid(process, nil, 0) == -1, errno == EINTR {}
    }
}

extension OwnedDescriptor {
    fileprivate func readToEnd() throws(BackupError) -> [UInt8] { try readAll(limit: 16 << 20) }
}
