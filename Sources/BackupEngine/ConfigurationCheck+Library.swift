import BackupConfig
import BackupModel
import BackupPipeline
import BackupSystem
import Glibc

extension ConfigurationCheck {
    /// The programs that the configuration may name without a path: `lib-enabled`. Not to have it is good.
    mutating func checkLibrary() {
        let subject = "lib-enabled"
        let path = installation.libraryDirectory
        var names: [String] = []
        do throws(BackupError) {
            try Directory(path: path).forEachEntry { entry in names.append(entry.name) }
        } catch {
            if error.code != .notFound { add(.error, subject, error.description) }
            return
        }
        var good: [String] = []
        let wanted = namedPrograms
        for name in names.sorted() {
            var stage = ProcessStage(name: subject, executable: name, arguments: [])
            stage.libraryDirectory = path
            do throws(BackupError) { _ = try stage.locateProgram() } catch {
                // A file that lies there by accident does no harm to anybody who does not name it.
                let isWanted = wanted.contains(name)
                add(
                    isWanted ? .error : .warning, subject,
                    error.description + (isWanted ? "" : "; nothing in the configuration names it"))
                continue
            }
            good.append(name.escapedForMessage)
            stage.libraryDirectory = nil
            if Self.ownPrograms.contains(name) {
                add(
                    .warning, subject,
                    "\(name.escapedForMessage) is a program that gb starts itself: it goes on to use that of the system, "
                        + "only commands of the configuration get this one; give it another name")
            } else if let shadowed = try? stage.locateProgram() {
                add(
                    .warning, subject,
                    "\(name.escapedForMessage) takes the place of \(shadowed.escapedForMessage) in the configuration; give "
                        + "it another name if that is not wanted")
            }
        }
        if !good.isEmpty { add(.good, subject, good.joined(separator: ", ")) }
    }

    /// All programs of the configuration that could be looked for in `lib-enabled`.
    private var namedPrograms: Set<String> {
        var names: Set<String> = []
        for unit in installation.configuration.units {
            names.formUnion(unit.programs)
            if case .program(let settings) = unit.kind { names.insert(settings.program) }
        }
        if case .command(let compress, let restore) = installation.main.pipeline.compression {
            names.formUnion(compress.prefix(1) + restore.prefix(1))
        }
        return names
    }
}
