import BackupTestKit
import Foundation
import Testing

/// A root directory with a package manager's log and database, as a test wants them.
struct PackageSystem {
    let directory: TemporaryDirectory
    var root: String { directory.path("root") }

    init(_ directory: TemporaryDirectory) throws {
        self.directory = directory
        for name in ["root", "conf"] { try directory.makeDirectory(name) }
    }

    /// Runs `gb packages` for this root.
    func packages(_ arguments: String..., environment: [String: String] = [:]) throws -> GBResult {
        let words = ["packages"] + arguments + ["--root", root, "--config-dir", directory.path("conf")]
        return try GBProcess.start(words, environment: environment).wait()
    }

    /// As ``packages(_:environment:)``; fails when the command does, or when it says anything on standard error.
    func good(_ arguments: String..., location: SourceLocation = #_sourceLocation) throws -> GBResult {
        let words = ["packages"] + arguments + ["--root", root, "--config-dir", directory.path("conf")]
        let result = try GBProcess.start(words).wait()
        try #require(result.status == 0 && result.errors == "", "\(result.testDescription)", sourceLocation: location)
        return result
    }

    func write(_ name: String, _ text: String) throws { try directory.write("root/" + name, text) }

    // MARK: - Gentoo

    /// 2023-11-14T22:13:20Z.
    static let begin = 1_700_000_000

    /// One run of emerge, of 100 seconds from `start` on, that installs `package` in place of `old`.
    static func emerge(_ package: String, slot: String = "0", replacing old: String? = nil, at start: Int) -> String {
        let name = package.split(separator: "-").dropLast().joined(separator: "-")
        let file = package.split(separator: "/").last.map(String.init) ?? ""
        let path = "\(package)::/var/db/repos/gentoo/\(name)/\(file).ebuild"
        var lines = [
            (0, "Started emerge on: Nov 14, 2023 22:13:20"), (0, " *** emerge --ask \(name)"),
            (1, " >>> emerge (1 of 1) \(package) to /"), (2, " === (1 of 1) Cleaning (\(path))"),
            (3, " === (1 of 1) Compiling/Merging (\(path))"), (80, " === (1 of 1) Merging (\(path))"),
            (90, " >>> AUTOCLEAN: \(name):\(slot)"),
        ]
        if let old { lines += [(91, " === Unmerging... (\(old))"), (92, " >>> unmerge success: \(old)")] }
        lines += [
            (99, " ::: completed emerge (1 of 1) \(package) to /"), (100, " *** exiting successfully."),
            (100, " *** terminating."),
        ]
        return lines.map { "\(start + $0.0): \($0.1)\n" }.joined()
    }

    /// A log in three parts: on the first day openssl and zlib are installed, on the second openssl is replaced, on the third
    /// zlib is removed.
    static var days: [String] {
        let third = begin + 2 * 86400
        return [
            emerge("dev-libs/openssl-3.0.8", at: begin) + emerge("sys-libs/zlib-1.2.13", at: begin + 1000),
            emerge("dev-libs/openssl-3.0.9", replacing: "dev-libs/openssl-3.0.8", at: begin + 86400),
            """
            \(third): Started emerge on: Nov 16, 2023 22:13:20
            \(third):  *** emerge --unmerge sys-libs/zlib
            \(third + 1): === Unmerging... (sys-libs/zlib-1.2.13)
            \(third + 2): >>> unmerge success: sys-libs/zlib-1.2.13
            \(third + 3):  *** exiting successfully.
            \(third + 3):  *** terminating.

            """,
        ]
    }

    /// The log, and the database that it leads to, with a package that is older than the log.
    func makeGentoo(log: Bool = true) throws {
        if log { try write("var/log/emerge.log", Self.days.joined()) }
        try addToDatabase("dev-libs/openssl-3.0.9", built: Self.begin + 86480)
        try addToDatabase("sys-apps/old-1.0", built: Self.begin - 5000)
    }

    func addToDatabase(_ atom: String, built: Int) throws {
        let parts = atom.split(separator: "/").map(String.init)
        let facts = [
            "CATEGORY": parts[0], "PF": parts[1], "SLOT": "0", "repository": "gentoo", "BUILD_TIME": String(built),
        ]
        for (name, value) in facts { try write("var/db/pkg/\(atom)/\(name)", value + "\n") }
    }

    // MARK: - Debian

    /// Installs libx on one day and replaces it on the next, in local time.
    func makeDebian() throws {
        try write(
            "var/log/dpkg.log",
            """
            2026-03-01 12:00:00 startup archives unpack
            2026-03-01 12:00:01 install libx:amd64 <none> 1.0-1
            2026-03-01 12:00:01 status half-installed libx:amd64 1.0-1
            2026-03-01 12:00:02 status unpacked libx:amd64 1.0-1
            2026-03-01 12:00:03 status installed libx:amd64 1.0-1
            2026-03-02 12:00:01 upgrade libx:amd64 1.0-1 1.0-2
            2026-03-02 12:00:01 status half-configured libx:amd64 1.0-1
            2026-03-02 12:00:01 status unpacked libx:amd64 1.0-1
            2026-03-02 12:00:01 status half-installed libx:amd64 1.0-1
            2026-03-02 12:00:02 status unpacked libx:amd64 1.0-2
            2026-03-02 12:00:04 status installed libx:amd64 1.0-2

            """)
        try write(
            "var/lib/dpkg/status",
            """
            Package: libx
            Status: install ok installed
            Architecture: amd64
            Version: 1.0-2

            """)
    }
}

/// Runs `body` with a new, empty system, which is gone afterwards.
func withPackageSystem(_ body: (PackageSystem) throws -> Void) throws {
    try withTemporaryDirectory { try body(PackageSystem($0)) }
}
