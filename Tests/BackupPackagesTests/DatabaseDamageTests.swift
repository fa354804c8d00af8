import BackupModel
import BackupTestKit
import Testing

@testable import BackupPackages

/// Databases whose bytes are changed at random: they are read, and what is read can be written and read again.
@Suite struct DatabaseDamageTests {
    private static let files: [(reader: any PackageManagerReader, path: String, text: String)] = [
        (
            DpkgReader(), "var/lib/dpkg/status",
            "Package: a\nStatus: install ok installed\nArchitecture: amd64\nInstalled-Size: 12\nVersion: 1:2-3\n"
                + "Description: x\n continued\n\nPackage: b\nStatus: deinstall ok config-files\nVersion: 1\n\n"
        ),
        (
            PacmanReader(), "var/lib/pacman/local/a-1-1/desc",
            "%NAME%\na\n\n%VERSION%\n1-1\n\n%SIZE%\n12\n\n%REASON%\n1\n\n%INSTALLDATE%\n99\n"
        ),
        (ApkReader(), "lib/apk/db/installed", "C:Q1\nP:a\nV:1-r0\nA:x\nI:12\nt:99\nF:usr\nR:x\n\nP:b\nV:2\n\n"),
        (ApkReader(), "etc/apk/world", "a>1 !b\nc@edge\n"),
        (PortageReader(), "var/db/pkg/a/b-1/metadata", "#format=1\nSLOT=0\nUSE=a b\nCOUNTER=3\n#dir_mtime=1\n"),
        (PortageReader(), "var/lib/portage/world", "a/b\n>=c/d-1.2*:3=[x]::e\n@set\n"),
    ]

    @Test func whateverStandsInTheFilesNothingStops() throws {
        var random = SeededGenerator()
        for (reader, path, text) in Self.files {
            try withTemporaryDirectory { directory in
                try directory.makeDirectory("var/db/pkg/a/b-1")
                try directory.write("lib/apk/db/installed", "P:a\nV:1\n\n")
                for _ in 0..<60 {
                    var bytes = Array(text.utf8)
                    for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
                        let place = Int.random(in: 0..<bytes.count, using: &random)
                        switch Int.random(in: 0..<4, using: &random) {
                        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                        case 1: bytes.remove(at: place)
                        case 2: bytes.insert(contentsOf: Array("99999999999999999999\n".utf8), at: place)
                        default: bytes.insert(bytes[place], at: place)
                        }
                    }
                    try directory.write(path, bytes)
                    let snapshot: PackageSnapshot
                    do throws(BackupError) {
                        snapshot = try reader.snapshot(PackageRoot(path: directory.path), machine: "m")
                    } catch {
                        #expect(error.code == .damaged, random.comment)
                        continue
                    }
                    try snapshot.forEachLine { line throws(BackupError) in
                        switch try PackageLine(parsing: line) {
                        case .header(let header): #expect(header == snapshot.header, random.comment)
                        case .package(let package): #expect(snapshot.packages.contains(package), random.comment)
                        default: Issue.record("neither header nor package")
                        }
                    }
                }
            }
        }
    }

    /// What a power cut or a full disk leaves is no small system.
    @Test func aStatusFileThatIsCutIsDamaged() throws {
        let text =
            "Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nVersion: 2\n"
        for cut in ["", String(text.dropLast(3)), String(text.dropLast(11)), text + "\0\0\n"] {
            try withTemporaryDirectory { directory in
                try directory.write("var/lib/dpkg/status", cut)
                let root = try PackageRoot(path: directory.path)
                if cut.isEmpty {
                    #expect(
                        try DpkgReader().snapshot(root, machine: "m").packages.isEmpty, "a system that is just made")
                    return
                }
                #expect { try DpkgReader().snapshot(root, machine: "m") } throws: {
                    ($0 as? BackupError)?.code == .damaged
                }
            }
        }
    }

    @Test func whetherVersionsCoexistIsSaidOnce() {
        for reader in PackageManagers.all {
            #expect(reader.versionsCoexist == PackageManagers.versionsCoexist(reader.manager))
        }
    }
}
