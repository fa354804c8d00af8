import BackupTestKit
import Foundation
import Testing

/// ssh between the machines of a test, with keys, host keys and forced commands, but without a network: `ssh` starts the
/// server as its `ProxyCommand`, and that speaks over its standard input. So there is no port that somebody could have,
/// and no daemon that could stay behind.
///
/// The server is dropbear, which comes without a service that would listen on the machine. Where OpenSSH's server is
/// installed, it is tried too. Both believe in a user database of the test (nss_wrapper): the user is whoever runs the
/// tests, the home directory is the test's.
struct SecureShell {
    enum Server: String {
        case dropbear, openSSH

        /// What can be tried here.
        static var all: [Server] {
            let files = FileManager.default
            // As root it wants this directory, which its service makes.
            let hasPlace = geteuid() != 0 || files.fileExists(atPath: "/run/sshd")
            return files.isExecutableFile(atPath: "/usr/sbin/sshd") && hasPlace ? [.dropbear, .openSSH] : [.dropbear]
        }
    }

    let directory: TemporaryDirectory
    let server: Server

    init(in directory: TemporaryDirectory, _ server: Server = .dropbear) throws {
        self.directory = directory
        self.server = server
        try directory.makeDirectory("ssh")
    }

    /// Makes a key pair for `machine` and returns the public key, without a comment.
    func makeKey(of machine: String) throws -> String {
        let file = directory.path("ssh/\(machine).key")
        try runTool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file)
        let words = String(decoding: try directory.read("ssh/\(machine).key.pub"), as: UTF8.self).split(separator: " ")
        return words.prefix(2).joined(separator: " ")
    }

    /// The file that `ssh -F` takes on `machine`: every host is one of the test, or cannot be reached.
    func configuration(of machine: String) throws -> String {
        try directory.write(
            "ssh/\(machine).config",
            """
            Host *
              ProxyCommand socat - EXEC:\(directory.path("ssh"))/%h/door
              IdentityFile \(directory.path("ssh/\(machine).key"))
              IdentitiesOnly yes
              UserKnownHostsFile \(directory.path("ssh/\(machine).known"))
              GlobalKnownHostsFile /dev/null

            """)
    }

    /// Lets everybody with a key in `authorizedKeys` in to `host`, as `root` or `backup`, which both are whoever runs this.
    func open(_ host: String, authorizedKeys: String, settings: String = "") throws {
        let place = "ssh/" + host
        try directory.write(place + "/home/.ssh/authorized_keys", authorizedKeys)
        let (user, group) = (geteuid(), getegid())
        let home = directory.path(place + "/home")
        try directory.write(
            place + "/passwd",
            """
            root:x:\(user):\(group)::\(home):/bin/sh
            backup:x:\(user):\(group)::\(home):/bin/sh
            sshd:x:65533:65533::/nonexistent:/usr/sbin/nologin

            """)
        try directory.write(place + "/group", "root:x:\(group):\nsshd:x:65533:\n")
        let hostKey = directory.path(place + "/host-key")
        let command: String
        switch server {
        case .dropbear:
            if !directory.exists(place + "/host-key") {
                try runTool("/usr/bin/dropbearkey", "-t", "ed25519", "-f", hostKey)
            }
            command = "/usr/sbin/dropbear -i -r '\(hostKey)'"
        case .openSSH:
            if !directory.exists(place + "/host-key") {
                try runTool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey)
            }
            let file = try directory.write(
                place + "/sshd_config", "HostKey \(hostKey)\nUsePAM no\nStrictModes no\n\(settings)\n")
            command = "/usr/sbin/sshd -i -e -f '\(file)' 2>/dev/null"
        }
        let door = try directory.write(
            place + "/door",
            """
            #!/bin/sh
            export NSS_WRAPPER_PASSWD='\(directory.path(place + "/passwd"))'
            export NSS_WRAPPER_GROUP='\(directory.path(place + "/group"))'
            export LD_PRELOAD=libnss_wrapper.so
            exec \(command)

            """)
        try #require(chmod(door, 0o755) == 0)
    }

    /// Connects from `machine` by hand with these options, destination and words; a new host key is believed.
    func connect(_ machine: String, _ words: String...) throws -> GBResult {
        try GBProcess(
            ["ssh", "-F", configuration(of: machine), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new"]
                + words
        ).wait()
    }
}
