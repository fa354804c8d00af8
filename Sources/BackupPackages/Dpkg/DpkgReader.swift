package import BackupModel
import BackupSystem

/// Debian's dpkg: `dpkg.log`, the status file, and what apt knows of packages that nobody asked for.
package struct DpkgReader: PackageManagerReader {
    package init() {}

    package var manager: String { DpkgLogParser.manager }
    package var defaultLog: String { "var/log/dpkg.log" }
    package var databasePaths: [String] { ["var/lib/dpkg/status"] }
    package var versionsCoexist: Bool { false }

    package func makeParser(_ context: LogContext) -> any PackageLogParser { DpkgLogParser(context) }

    package func makeParser(
        _ context: LogContext, state: JSONObject
    ) throws(BackupError) -> any PackageLogParser { try DpkgLogParser(context, state: state) }

    /// Bytes; the status of everything in a distribution has a tenth of that.
    private static let maximumSize = 512 << 20
    /// Files of changes that are not merged into the status file yet.
    private static let maximumUpdates = 10_000

    package func snapshot(_ root: PackageRoot, machine: String) throws(BackupError) -> PackageSnapshot {
        guard let status = try root.file("var/lib/dpkg/status", limit: Self.maximumSize) else {
            throw missingDatabase(root)
        }
        // dpkg replaces the file as a whole; what a power cut or a full disk has left is no small system.
        if status.contains(0) || !(status.isEmpty || status.last == UInt8(ascii: "\n")) {
            throw .packageDatabase("var/lib/dpkg/status", "it is cut off, or has bytes that dpkg does not write")
        }
        var versionless: String?
        var complaints: [String] = []
        var packages: [String: InstalledPackage] = [:]
        let automatic = try automaticPackages(root)
        func take(_ bytes: [UInt8], from path: String) {
            Stanzas.forEach(
                bytes, fields: ["Package", "Status", "Architecture", "Version", "Installed-Size"]
            ) { values in
                guard let name = values[0], let words = values[1]?.split(separator: " "), words.count == 3 else {
                    complaints.append("\(path) has a paragraph without Package or Status")
                    return
                }
                var package = InstalledPackage(
                    machine: machine, manager: manager, root: "/", name: name, version: values[3] ?? "")
                package.state = String(words[2])
                package.architecture = values[2]
                // In units of 1024 bytes.
                package.size = values[4].flatMap { Int64($0) }.flatMap { 0 <= $0 && $0 < 1 << 50 ? $0 << 10 : nil }
                package.installType = package.isInstalled ? .binary : nil
                if package.isInstalled, values[3] == nil { versionless = name }
                let key = name + ":" + (values[2] ?? "")
                if let automatic, package.isInstalled { package.isExplicit = !automatic.contains(key) }
                packages[key] = package
            }
        }
        take(status, from: "var/lib/dpkg/status")
        if let versionless {
            throw .packageDatabase(
                "var/lib/dpkg/status", "\(versionless.escapedForMessage) is installed and has no version")
        }
        // What dpkg has changed and not yet written into the status file, in order; each file has whole paragraphs.
        for name in try updates(root) {
            let path = "var/lib/dpkg/updates/" + name
            if let bytes = try root.file(path, limit: Self.maximumSize) { take(bytes, from: path) }
        }
        // Of those nothing is left but that somebody once looked at them.
        let present = packages.values.filter { $0.state != DpkgState.notInstalled.rawValue }
        let header = SnapshotHeader(machine: machine, manager: manager, root: "/")
        var snapshot = PackageSnapshot(header: header, packages: present)
        for complaint in complaints { snapshot.complain(complaint) }
        return snapshot
    }

    private func updates(_ root: PackageRoot) throws(BackupError) -> [String] {
        guard let directory = try root.directory("var/lib/dpkg/updates") else { return [] }
        var names: [String] = []
        try directory.forEachEntry { entry throws(BackupError) in
            guard entry.name.utf8.allSatisfy(PortageAtom.isDigit) else { return }
            guard names.count < Self.maximumUpdates else {
                throw .packageDatabase(directory.path, "there are more than \(Self.maximumUpdates) files in it")
            }
            names.append(entry.name)
        }
        return names.sorted()
    }

    /// The packages that were installed for others, as `NAME:ARCHITECTURE`; `nil` without apt.
    private func automaticPackages(_ root: PackageRoot) throws(BackupError) -> Set<String>? {
        guard let bytes = try root.file("var/lib/apt/extended_states", limit: Self.maximumSize) else { return nil }
        var automatic: Set<String> = []
        Stanzas.forEach(bytes, fields: ["Package", "Architecture", "Auto-Installed"]) { values in
            guard let name = values[0], values[2] == "1" else { return }
            // apt writes the architecture of the machine for packages that fit all.
            automatic.insert(name + ":" + (values[1] ?? ""))
            automatic.insert(name + ":all")
        }
        return automatic
    }
}
