import BackupModel
import Testing

/// Runs `body` with the path of a new `tmpfs`, for what only a real file system does: being full, having no inodes left,
/// being read-only.
///
/// Where mounting is not permitted, a known issue with the reason is recorded in its place: such a test is never passed
/// over in silence.
///
/// - Parameter options: of mount(8), for example `size=64k` or `nr_inodes=8`.
package func withMountedFileSystem(_ options: String, _ body: (String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
        let point = try directory.makeDirectory("mounted")
        let mount = try ToolRun(["mount", "-t", "tmpfs", "-o", options + ",mode=0700", "gb-test", point])
        guard mount.isSuccess else {
            withKnownIssue("mounting a file system is not permitted here") {
                Issue.record("not tested: mount says \(mount.output.escapedForMessage)")
            }
            return
        }
        defer { _ = try? ToolRun(["umount", "-l", point]) }
        try body(point)
    }
}

/// As ``withMountedFileSystem(_:_:)``, with an ext4 on a disk of `megabytes`: for what a file system in memory does not have.
package func withMountedDisk(megabytes: Int, _ body: (String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
        let (point, image) = (try directory.makeDirectory("mounted"), directory.path("image"))
        _ = try ToolRun(["truncate", "-s", "\(megabytes)M", image])
        let format = try ToolRun(["mkfs.ext4", "-q", "-m", "0", image])
        let mount = format.isSuccess ? try ToolRun(["mount", "-o", "loop", image, point]) : format
        guard mount.isSuccess else {
            withKnownIssue("mounting a file system is not permitted here") {
                Issue.record("not tested: mount says \(mount.output.escapedForMessage)")
            }
            return
        }
        defer { _ = try? ToolRun(["umount", "-l", point]) }
        try body(point)
    }
}

/// Makes a file system of ``withMountedFileSystem(_:_:)`` read-only, as a kernel does after an error of the disk.
package func remountReadOnly(_ path: String) throws {
    let remount = try ToolRun(["mount", "-o", "remount,ro", path])
    try #require(remount.isSuccess, "\(remount.output)")
}
