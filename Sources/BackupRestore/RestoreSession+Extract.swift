package import BackupModel
package import BackupStorage
import BackupSystem
import Glibc

extension RestoreSession {
    /// What GNU tar is told for extracting everything as it was.
    ///
    /// - Parameter deletes: whether it also deletes and renames, as increments say.
    static func tarArguments(deletes: Bool) -> [String] {
        ["--extract", "--file=-"] + (deletes ? ["--listed-incremental=/dev/null"] : []) + [
            "--numeric-owner", restoresOwners ? "--same-owner" : "--no-same-owner", "--preserve-permissions",
            "--delay-directory-restore", "--xattrs", "--xattrs-include=*", "--acls",
        ]
    }

    /// What the environment of a tar that reads archives has. In the locale `C` it would drop some characters from names
    /// (U+E0000 to U+E007F), so that two files could become one. Its messages are English in this one, too.
    static let tarEnvironment = ["TAR_OPTIONS": "", "LC_ALL": "C.UTF-8", "LANGUAGE": ""]

    /// What to tell people before the plan is applied to the target; `nil` for nothing.
    ///
    /// - Parameter canConfine: whether the kernel can keep tar in the target.
    package static func warning(
        _ plan: RestorePlan, into target: RestoreTarget, canConfine: Bool
    ) -> String? {
        guard !canConfine, !target.wasEmpty || plan.deletingIncrements > 0 else { return nil }
        return
            "this kernel cannot keep tar in \(target.path.escapedForMessage) (it has no Landlock, or one older than that of "
            + "Linux 5.19): do this only with elements of machines that you trust"
    }

    /// Whether files get the owners they had: only root can give files away, and tar fails if others try.
    package static var restoresOwners: Bool { geteuid() == 0 }

    /// Applies the plan's elements to the target, oldest first. A target that was made for this is removed again when it
    /// fails before anything is in it.
    ///
    /// - Parameters:
    ///   - paths: relative to the root of the source, any bytes; empty for everything.
    ///   - begin: is told of each element before it is applied, with its number from 1.
    /// - Throws: `damaged` with a statement of what on disk not to trust; `notFound` when a path was not there at that
    ///   time; `usage` for paths in an element that is no archive, and when a ``ProtectedPlace`` would be harmed;
    ///   `untrusted` when something would be written through a symbolic link in the target.
    package func extract(
        _ plan: RestorePlan, to target: RestoreTarget, paths: [[UInt8]],
        begin: (StoredElement, Int) -> Void
    ) async throws(BackupError) {
        do throws(BackupError) {
            try await Extraction(plan, to: target, try PathSelection(paths), self).run(begin)
        } catch {
            _ = target.removeIfUnused()
            throw error
        }
    }

    /// Checks that increments that a program has made can be put together with what is before them.
    ///
    /// - Throws: `usage` for those that only the program understands.
    package func checkFormats(_ plan: RestorePlan) throws(BackupError) {
        guard plan.elements.count > 1 else { return }
        var formats: [ElementLayers.Payload] = []
        for element in plan.elements {
            guard let record = element.metadata.pipeline?.first, record.stage == ProgramRecord.stage else { continue }
            let format = try ProgramRecord.payload(record, element.id)
            guard format != .bytes, formats.allSatisfy({ $0 == format }) else { throw .incrementOfProgram(element.id) }
            formats.append(format)
        }
    }
}
