package import BackupModel
import CBackupShims
import Glibc

/// A running program that can make, write, link, move and remove files only beneath one directory, whatever it is told.
/// The kernel sees to that (Landlock, see landlock(7)); reading is as free as ever, and so are modes, owners and times of
/// what a path leads to.
package struct ConfinedProcess: Sendable {
    /// What a program is started with.
    package struct Launch: Sendable {
        package var path: String
        /// The program's own name is the first.
        package var arguments: [String]
        /// Replaces what is inherited under the same name.
        package var environment: [String: String]
        package var inheritsEnvironment: Bool
        package var workingDirectory: String

        package init(
            path: String, arguments: [String], environment: [String: String], inheritsEnvironment: Bool,
            workingDirectory: String
        ) {
            self.path = path
            self.arguments = arguments
            self.environment = environment
            self.inheritsEnvironment = inheritsEnvironment
            self.workingDirectory = workingDirectory
        }
    }

    package let pid: Int32
    /// A pidfd; `nil` where the kernel gives none.
    package let descriptor: OwnedDescriptor?

    /// Whether the kernel can confine a program. Before Linux 5.19 it can not, or only to links within one directory.
    package static var isPossible: Bool { backup_landlock_version() >= 2 }

    /// Starts the program as the leader of a process group. Blocks until it runs; the caller reaps it.
    ///
    /// - Parameters:
    ///   - place: the directory beneath which it may write.
    ///   - standard: what becomes its standard input, output and error.
    /// - Throws: what the system says, also when it cannot confine.
    package init(
        _ launch: Launch, beneath place: OwnedDescriptor,
        standard: (input: OwnedDescriptor, output: OwnedDescriptor, error: OwnedDescriptor)
    ) throws(BackupError) {
        let arguments = Self.list(launch.arguments)
        let variables = Self.list(launch.environment.map { $0.key + "=" + $0.value })
        let path = strdup(launch.path)
        let directory = strdup(launch.workingDirectory)
        defer {
            for text in arguments + variables + [path, directory] { free(text) }
        }
        guard let path, let directory else { throw .system(ENOMEM, "start", launch.path) }
        var step: UnsafePointer<CChar>?
        let (pid, error) = arguments.withUnsafeBufferPointer { arguments in
            variables.withUnsafeBufferPointer { variables -> (pid_t, CInt) in
                guard let arguments = arguments.baseAddress, let variables = variables.baseAddress else {
                    return (-1, EINVAL)
                }
                var request = backup_launch(
                    path: path, arguments: arguments, variables: variables,
                    inherits: launch.inheritsEnvironment ? 1 : 0, directory: directory,
                    descriptors: (standard.input.raw, standard.output.raw, standard.error.raw))
                let pid = backup_launch_confined(place.raw, &request, &step)
                return (pid, errno)
            }
        }
        guard pid > 0 else { throw .system(error, step.map { String(cString: $0) } ?? "start", launch.path) }
        self.pid = pid
        let raw = backup_process_descriptor(pid)
        descriptor = raw < 0 ? nil : OwnedDescriptor(raw, name: "process \(pid)")
    }

    /// Waits for the end of the program and forgets it.
    package func reap() {
        var status: CInt = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }

    /// Copies that the caller frees, with the `nil` that ends the list for C.
    private static func list(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } + [nil] }
}
