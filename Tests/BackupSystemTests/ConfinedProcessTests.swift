import BackupModel
import BackupTestKit
import Glibc
import Testing

@testable import BackupSystem

@Suite(
    .enabled(if: ConfinedProcess.isPossible, "the kernel of this machine has no Landlock, or version 1"),
    .timeLimit(.minutes(1)))
struct ConfinedProcessTests {
    /// Runs a shell in the temporary directory that may write in `in`, and gives what it says.
    private func run(_ script: String, _ place: TemporaryDirectory, inherits: Bool = true) throws -> String {
        try place.write("said", "")
        func file(_ path: String, _ flags: CInt) throws -> OwnedDescriptor {
            OwnedDescriptor(try systemCall("open", path) { open(path, flags | O_CLOEXEC) }, name: path)
        }
        let output = try file(place.path("said"), O_WRONLY | O_APPEND)
        let process = try ConfinedProcess(
            .init(
                path: "/bin/sh", arguments: ["sh", "-c", script], environment: ["LC_ALL": "C", "SHLVL": "own"],
                inheritsEnvironment: inherits, workingDirectory: place.path),
            beneath: try Directory(path: place.path("in")).descriptor,
            standard: (try file("/dev/null", O_RDONLY), output, output))
        process.reap()
        return String(decoding: try place.read("said"), as: UTF8.self)
    }

    /// Each does something inside, and is refused outside.
    @Test(arguments: [
        "echo x >$1/new", "echo x >$1/file", "mkdir $1/new", "ln -s x $1/new", "mkfifo $1/new", "rm $1/file",
        "rmdir $1/empty", "ln $1/file in/new", "ln in/file $1/new", "mv $1/file in/new", "mv in/file $1/new",
        "mv $1/empty in/new", "mv -T in/empty $1/empty",
    ])
    func writesOnlyBeneath(command: String) throws {
        try withTemporaryDirectory { place in
            func prepare() throws {
                for name in ["in", "out"] {
                    place.remove(name)
                    try place.write(name + "/file", "mine")
                    try place.makeDirectory(name + "/empty")
                    try place.makeDirectory(name + "/sub")
                }
            }
            try prepare()
            let before = try contentsOfTree(place.path("out"))
            let denied = try run("set -- out; \(command) && echo done", place)
            #expect(denied != "done\n" && !denied.isEmpty)
            #expect(treeDifferences(before, try contentsOfTree(place.path("out"))) == [])
            try prepare()
            try place.write("in/sub/file", "mine")
            try place.makeDirectory("in/sub/empty")
            #expect(try run("set -- in/sub; \(command) && echo done", place) == "done\n")
        }
    }

    @Test func restIsAsEver() throws {
        try withTemporaryDirectory { place in
            try place.makeDirectory("in")
            try place.write("out", "text\n")
            #expect(try run("echo x >/dev/null && cat out && pwd -P", place).hasPrefix("text\n/"))
            #expect(try run("echo $LC_ALL $SHLVL ${PATH:+path}", place) == "C own path\n")
            #expect(!(try run("env", place, inherits: false).contains("HOME=")))
            // A group of its own.
            #expect(try run(#"test "$(cut -d' ' -f5 /proc/$$/stat)" = $$ && echo leader"#, place) == "leader\n")
            // This process, and what it starts otherwise, are not confined.
            let other = try ToolRun(["sh", "-c", "echo x >\"$1\"", "sh", place.path("other")])
            #expect(other.isSuccess, "\(other.output)")
            try place.write("another", "")
        }
    }

    @Test func whatCannotBeStarted() throws {
        try withTemporaryDirectory { place in
            let null = OwnedDescriptor(open("/dev/null", O_RDWR | O_CLOEXEC), name: "null")
            let launch = ConfinedProcess.Launch(
                path: place.path("nothing"), arguments: ["nothing"], environment: [:], inheritsEnvironment: true,
                workingDirectory: "/")
            let error = #expect(throws: BackupError.self) {
                try ConfinedProcess(
                    launch, beneath: try Directory(path: place.path).descriptor, standard: (null, null, null))
            }
            #expect(error?.code == .notFound, "\(String(describing: error))")
            #expect(error?.message.contains("start") == true)
        }
    }
}
