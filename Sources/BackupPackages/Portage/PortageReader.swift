package import BackupModel

/// Gentoo's portage: `emerge.log` and `/var/db/pkg`.
package struct PortageReader: PackageManagerReader {
    package init() {}

    package var manager: String { PortageLogParser.manager }
    package var defaultLog: String { "var/log/emerge.log" }
    package var databasePaths: [String] { ["var/db/pkg"] }
    package var versionsCoexist: Bool { true }

    package func makeParser(_ context: LogContext) -> any PackageLogParser { PortageLogParser(context) }

    package func makeParser(
        _ context: LogContext, state: JSONObject
    ) throws(BackupError) -> any PackageLogParser { try PortageLogParser(context, state: state) }

    package func snapshot(_ root: PackageRoot, machine: String) throws(BackupError) -> PackageSnapshot {
        guard let top = try root.directory("var/db/pkg") else { throw missingDatabase(root) }
        let world = try PortageWorld(root)
        return try PortageDatabase(top, world: world, machine: machine).snapshot()
    }
}
