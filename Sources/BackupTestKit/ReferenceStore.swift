package import BackupModel
import BackupSystem

/// A storage and a generator state that the original program wrote: what "compatible" means.
package struct ReferenceStore: Sendable {
    /// The storage: four elements of two sources.
    package let dataPath: String
    /// The state directory, with `generators/TarBackupUnit` and `generators/LogfileBackupUnit`.
    package let statePath: String

    /// Unpacks it into `directory`.
    package init(in directory: TemporaryDirectory) throws(BackupError) {
        let target = try directory.makeDirectory("reference")
        let run = try ToolRun(["tar", "-x", "-f", Self.archive, "-C", target])
        guard run.isSuccess else {
            throw BackupError(.failed, "cannot unpack \(Self.archive): \(run.output.escapedForMessage)")
        }
        dataPath = target + "/data"
        statePath = target + "/state"
    }

    /// Found from this file, so that every test target can use it.
    private static var archive: String {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/") + "/Tests/BackupStorageTests/Fixtures/reference-store.tar"
    }
}
