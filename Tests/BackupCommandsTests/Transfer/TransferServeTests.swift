import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// The service, its sockets, and who may use them.
    @Suite struct TransferServeTests {
        @Test func aSecondServiceIsRefused() throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                try withServices(a) {
                    expectRefusal(
                        try a.gb("transfer", "serve"), 75, "another transfer service works with \(a.path("state"))",
                        "gb transfer status")
                    // Nor one with another state on the same socket.
                    let c = try Machine(
                        "c", in: directory,
                        transfer: "listeners: [{ agent: b, path: \(a.socket("b")), sender: { policy: keep } }]")
                    expectRefusal(try c.gb("transfer", "serve"), 75, "somebody listens on \(a.socket("b")) already")
                    let b = try Machine("b", in: directory)
                    try b.good("transfer", "pull", "--socket", a.socket("b"))
                }
            }
        }

        @Test func withNothingToDoItDoesNotStart() throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                expectRefusal(try a.gb("transfer", "serve"), 78, "there is nothing to serve", a.configuration)
                try a.configure("peers: [{ agent: b, socket: /x, receiver: { policy: store } }]")
                expectRefusal(try a.gb("transfer", "serve"), 78, "no peer with `every` or `at`")
            }
        }

        @Test(arguments: [SIGTERM, SIGINT]) func itSaysThatItIsReadyAndThatItEnds(signal: CInt) throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                let service = try ServiceRun(a)
                #expect(directory.exists("a/run/b.socket"))
                service.process.signal(signal)
                #expect(service.notices.wait(for: "STOPPING=1"))
                service.stop(signal)
                #expect(directory.names("a/run") == [], "no socket stays behind")
            }
        }

        @Test func aStaleSocketIsReplacedAndAnythingElseIsNot() throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                let first = try ServiceRun(a)
                first.stop(SIGKILL)
                #expect(directory.names("a/run") == ["b.socket", "control.socket"])
                let b = try Machine("b", in: directory)
                try withServices(a) { try b.good("transfer", "pull", "--socket", a.socket("b")) }
                try directory.write("a/run/b.socket", "mine\n")
                expectRefusal(try a.gb("transfer", "serve"), 1, "\(a.socket("b")) is there already, and is no socket")
                #expect(try directory.read("a/run/b.socket") == Array("mine\n".utf8))
            }
        }

        @Test func socketsHaveTheModeAndOwnerOfTheirListener() throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                let group = geteuid() == 0 ? "owner: 65534, group: \"65533\"" : "owner: \(getuid())"
                try a.configure(
                    """
                    listeners:
                      - { agent: b, path: \(a.socket("b")), sender: { policy: keep } }
                      - { agent: c, path: \(a.socket("c")), mode: "0660", \(group), sender: { policy: keep } }
                    """)
                try withServices(a) {
                    let found = try runTool(
                        "stat", "-c", "%a %u %g", "b.socket", "c.socket", "control.socket", directory: a.path("run"))
                    let own = "\(getuid()) \(getgid())"
                    let given = geteuid() == 0 ? "65534 65533" : own
                    #expect(found.lines == ["600 \(own)", "660 \(given)", "600 \(own)"])
                }
                try a.configure(
                    "listeners: [{ agent: b, path: \(a.socket("b")), group: no-such-group, sender: { policy: keep } }]")
                expectRefusal(try a.gb("transfer", "serve"), 78, "there is no group \"no-such-group\"")
            }
        }

        /// Connects to the socket of `agent` as a user who is nobody, and in one group. Only root can.
        private func asNobody(_ machine: Machine, _ agent: String, group: Int = 65534) throws -> GBResult {
            try GBProcess(
                ["setpriv", "--reuid=65534", "--regid=\(group)", "--clear-groups", "socat", "-T", "1"]
                    + ["STDIO!!/dev/null", "UNIX-CONNECT:\(machine.socket(agent))"],
                input: ""
            ).wait()
        }

        /// The kernel says who connects; the name that a peer gives itself counts for nothing.
        @Test(.enabled(if: geteuid() == 0, "only root can be somebody else")) func otherUsersAreKeptOut() throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                try a.configure(
                    """
                    listeners:
                      - { agent: b, path: \(a.socket("b")), sender: { policy: keep } }
                      - { agent: c, path: \(a.socket("c")), mode: "0666", allowed_uids: [0], sender: { policy: keep } }
                      - { agent: d, path: \(a.socket("d")), mode: "0666", allowed_uids: [0, 65534], sender: { policy: keep } }
                    """)
                for path in [directory.path, a.path(""), a.path("run")] { try #require(chmod(path, 0o755) == 0) }
                let service = try ServiceRun(a)
                let (b, c, d) = (try asNobody(a, "b"), try asNobody(a, "c"), try asNobody(a, "d"))
                #expect(b.status != 0)
                #expect(b.errors.contains("Permission denied"), "\(b.testDescription)")
                #expect(c.status == 0, "\(c.testDescription)")
                let log = service.stop().errors
                #expect(log.contains("the user 65534 may not connect to \(a.socket("c"))"), "\(log)")
                #expect(!log.contains("connect to \(a.socket("d"))"), "\(log) \(d.testDescription)")
            }
        }

        /// A directory that only its owner may enter would keep everybody from every socket in it.
        @Test func theRuntimeDirectoryIsMadeForOthersToPass() throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                directory.remove("a/run")
                let group = geteuid() == 0 ? 65533 : getgid()
                try a.configure(
                    """
                    listeners:
                      - { agent: b, path: \(a.socket("b")), mode: "0660", group: \(group), sender: { policy: keep } }
                    """)
                // As the service unit has it.
                let service = try GBProcess(
                    ["sh", "-c", "umask 077; exec \"$0\" \"$@\"", GBProcess.gb, "transfer", "serve"]
                        + ["--config-dir", a.configuration])
                try #require(
                    waitUntil(20) { directory.exists("a/run/b.socket") && directory.exists("a/run/control.socket") })
                let found = try runTool("stat", "-c", "%a", "run", "run/b.socket", directory: a.path("")).lines
                #expect(found == ["755", "660"])
                if geteuid() == 0 {
                    // Somebody else, who is in the group and nothing more.
                    for path in [directory.path, a.path("")] { try #require(chmod(path, 0o755) == 0) }
                    let (member, other) = (try asNobody(a, "b", group: 65533), try asNobody(a, "b"))
                    #expect(member.status == 0, "\(member.testDescription)")
                    #expect(other.errors.contains("Permission denied"), "\(other.testDescription)")
                }
                service.signal(SIGTERM)
                #expect(service.wait(limit: 25).status == 0)
            }
        }

        /// The longest paths that the configuration takes, with real sockets.
        @Test func socketsHaveTheLongestPathsThatAreTaken() throws {
            try withMachines { directory in
                func place(_ length: Int, _ name: String) throws -> String {
                    let rest = length - directory.path("").utf8.count - name.utf8.count - 1
                    let pad = String(repeating: "d", count: try #require(rest > 0 ? rest : nil, "TMPDIR is too long"))
                    try directory.makeDirectory(pad)
                    return directory.path(pad + "/" + name)
                }
                let a = try TransferPullTests.source(directory)
                let longest = try place(106, "listener")
                let further = try place(107, "peer")
                #expect(longest.utf8.count == 106 && further.utf8.count == 107)
                let control = try place(106, "control.socket")
                let runtime = String(control.dropLast("/control.socket".utf8.count))
                func configure(runtime: String) throws {
                    try a.configure("listeners: [{ agent: b, path: \(longest), sender: { policy: keep } }]")
                    let config = String(decoding: try directory.read("a/conf/config"), as: UTF8.self)
                    try directory.write(
                        "a/conf/config",
                        config.replacingOccurrences(
                            of: "runtime_directory: \(a.path("run"))", with: "runtime_directory: \(runtime)"))
                }
                try configure(runtime: runtime)
                let b = try Machine("b", in: directory)
                let c = try Machine(
                    "c", in: directory,
                    transfer: "peers: [{ agent: a, socket: \(further), receiver: { policy: store } }]")
                try withServices(a) {
                    #expect(try a.good("transfer", "status").output.hasPrefix("A transfer service is running"))
                    try b.good("transfer", "pull", "--socket", longest)
                    let relay = try GBProcess(["socat", "UNIX-LISTEN:\(further)", "UNIX-CONNECT:\(longest)"])
                    try #require(waitUntil(20) { access(further, F_OK) == 0 })
                    try c.good("transfer", "pull", "a")
                    _ = relay.wait()
                }
                #expect(try b.inventory() == a.inventory())
                #expect(try c.inventory() == a.inventory())
                expectRefusal(
                    try b.gb("transfer", "pull", "--socket", further + "x"), 78, "108 bytes, and 107 is the most")
                try configure(runtime: runtime + "x")
                try directory.makeDirectory(String((runtime + "x").dropFirst(directory.path("").utf8.count)))
                expectRefusal(try a.gb("transfer", "serve"), 78, "107 bytes, and 106 is the most")
                let check = try a.gb("config", "check")
                #expect(check.output.contains("107 bytes, and 106 is the most"), "\(check.testDescription)")
            }
        }

        /// Starts the service as systemd does when somebody comes: with descriptors from 3 on.
        ///
        /// - Parameter sockets: a list in Perl of what they are; `listening(PATH)` is a UNIX socket as it should be.
        private func activate(_ machine: Machine, _ sockets: String) throws -> GBProcess {
            try machine.directory.write(
                "activate.pl",
                """
                use Socket; use Fcntl; use POSIX ();
                $^F = 40;
                sub made { my ($domain, $type) = @_; socket(my $s, $domain, $type, 0) or die $!; $s }
                sub bound { my ($s, $path) = @_; bind($s, pack_sockaddr_un($path)) or die $!; $s }
                sub listening { my $s = bound(made(AF_UNIX, SOCK_STREAM), shift); listen($s, 8) or die $!; $s }
                my @sockets = (\(sockets));
                # Out of the way first, as one of them may stand where another belongs.
                my @high = map { fcntl($_, F_DUPFD, 20) or die $! } @sockets;
                for (0 .. $#high) { POSIX::dup2($high[$_], 3 + $_) or die $!; POSIX::close($high[$_]); }
                $ENV{LISTEN_FDS} = @sockets; $ENV{LISTEN_PID} = $$;
                exec(@ARGV);
                """)
            return try GBProcess(
                ["perl", machine.directory.path("activate.pl"), GBProcess.gb, "transfer", "serve"]
                    + ["--config-dir", machine.configuration])
        }

        /// The socket is open already, and stays when the service ends.
        @Test(arguments: ["run", "link"]) func socketsMayComeFromTheServiceManager(way: String) throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                // As /var/run is another name of /run.
                try directory.link("a/link", to: "run")
                let service = try activate(a, "listening('\(a.path("\(way)/b.socket"))')")
                try #require(waitUntil(20) { directory.exists("a/run/b.socket") })
                let inode = try runTool("stat", "-c", "%i", a.socket("b")).output
                let before = try a.inventory()
                let b = try Machine("b", in: directory)
                // Whoever comes before the service is ready waits.
                try b.good("transfer", "pull", "--socket", a.socket("b"))
                #expect(try b.inventory() == before)
                service.signal(SIGTERM)
                let ended = service.wait(limit: 20)
                #expect(ended.status == 0, "\(ended.testDescription)")
                #expect(try runTool("stat", "-c", "%i", a.socket("b")).output == inode, "it is not ours to remove")
            }
        }

        /// Whoever connects to such a socket would wait for ever.
        @Test func socketsThatNobodyListensOnAreRefused() throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                func refuse(_ sockets: String, _ words: String...) throws {
                    for name in directory.names("a/run") { directory.remove("a/run/" + name) }
                    let result = try activate(a, sockets).wait(limit: 30)
                    expectRefusal(result, 78)
                    for word in words { #expect(result.errors.contains(word), "\(word): \(result.testDescription)") }
                }
                let (own, other) = (a.socket("b"), a.socket("c"))
                try refuse("listening('\(own)'), listening('\(other)')", other, "no listener", "there are \(own)")
                try refuse("listening('\(own)'), made(AF_INET, SOCK_STREAM)", "descriptor 4", "of the network")
                try refuse(
                    "bound(made(AF_UNIX, SOCK_STREAM), '\(own)')", "descriptor 3", "does not listen", "Accept=yes")
                try refuse("bound(made(AF_UNIX, SOCK_DGRAM), '\(own)')", "descriptor 3", "for messages")
                try refuse("bound(made(AF_UNIX, SOCK_SEQPACKET), '\(own)')", "descriptor 3", "for messages")
                try refuse("listening(\"\\0abstract-$$\")", "descriptor 3", "without a path")
                try refuse("do { open(my $f, '<', '/dev/null'); $f }", "descriptor 3", "no socket")
            }
        }

        // MARK: - Status

        @Test func statusTellsWhoIsThereAndWhatWaits() throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                let still = try a.good("transfer", "status")
                #expect(still.lines.first == "No transfer service is running.")
                let service = try ServiceRun(a)
                let running = try a.good("transfer", "status")
                #expect(running.lines.first == "A transfer service is running: process \(service.process.number).")
                #expect(running.lines.contains { $0.hasPrefix("b ") && $0.contains(" never ") }, "\(running.output)")
                let before = try a.good("transfer", "status", "--json").jsonLines()
                #expect(before.count == 1)
                #expect(before.first?["service_process"] as? Int == Int(service.process.number))
                #expect(before.first?["waiting_elements"] as? Int == 14)
                #expect(before.first?["waiting_bytes"] as? Int == 3_567_748)
                #expect(before.first?["last_seen"] is NSNull)
                // Somebody who is connected, and says nothing.
                let guest = try GBProcess(["sh", "-c", "sleep 60 | socat - UNIX-CONNECT:\(a.socket("b"))"])
                #expect(
                    waitUntil(20, interval: 0.1) {
                        let now = try? a.gb("transfer", "status", "--json").jsonLines()
                        return now?.first?["connected"] as? Bool == true
                    })
                service.stop()
                guest.signal(SIGKILL)
                _ = guest.wait()
                let after = try a.gb("transfer", "status")
                #expect(after.lines.first == "No transfer service is running.")
            }
        }
    }
}
