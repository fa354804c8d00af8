import BackupModel

/// One enabled unit as it lies on disk: the symlink, what it points to, and the overlay beside it.
struct EnabledUnit {
    let name: String
    /// The symlink's target, all links resolved.
    let definition: String
    /// The path of the symlink.
    let link: String
    /// Where `NAME.config` is, or would be.
    var overlay: String { link + ".config" }
    /// Whether the definition may be executed: then it can be a program instead of YAML.
    let isExecutable: Bool
}

/// What was found in `<dir>/units`.
struct UnitDirectory {
    private(set) var units: [EnabledUnit] = []
    private(set) var warnings: [String] = []
    private(set) var errors: [UnitErrors] = []

    /// Lists the directory. What is out of place there becomes a warning, never an error.
    ///
    /// - Throws: `BackupError` with code `configuration` where it exists and cannot be listed.
    init(path: String) throws(BackupError) {
        let names: [String]
        do throws(ConfigFileSystem.Failure) {
            names = try ConfigFileSystem.list(path)
        } catch {
            guard error.isMissing else {
                throw .config(
                    at: .file(path, line: 1, column: 1), [], "the directory cannot be listed: \(error.reason)")
            }
            warnings = ["\(path.escapedForMessage): the directory does not exist, so no unit is enabled; create it"]
            return
        }
        for name in names { inspect(name, in: path) }
    }

    static func isUnitName(_ name: Substring) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: false
                }
            }
    }

    /// `NAME.config` and `NAME.config.example` are overlays and templates of units, enabled or not.
    private static func isOverlayName(_ name: String) -> Bool {
        for suffix in [".config", ".config.example"] where name.hasSuffix(suffix) {
            return isUnitName(name.dropLast(suffix.count))
        }
        return false
    }

    private mutating func inspect(_ name: String, in directory: String) {
        let path = directory + "/" + name
        if Self.isOverlayName(name) { return }
        let kind = (try? ConfigFileSystem.kind(path, followingLinks: false))?.kind
        guard kind == .symlink else {
            return warn(
                path, "is neither a symlink nor NAME.config and is ignored",
                "a unit is enabled by a symlink to its definition; move the file elsewhere")
        }
        guard Self.isUnitName(name[...]) else {
            return warn(
                path, "cannot be the name of a unit and is ignored",
                "a name consists of letters and digits only; rename the symlink")
        }
        let target = ConfigFileSystem.linkText(path).escapedForMessage
        do throws(ConfigFileSystem.Failure) {
            let definition = try ConfigFileSystem.resolve(path)
            let found = try ConfigFileSystem.kind(definition, followingLinks: true)
            switch found.kind {
            case .regular:
                units.append(
                    EnabledUnit(
                        name: name, definition: definition, link: path, isExecutable: found.executable))
            case .directory:
                warn(path, "points to the directory \(target) and is ignored", "point it to a unit definition file")
            case .symlink, .other:
                warn(
                    path, "points to \(target), which is no file, and is ignored", "point it to a unit definition file")
            }
        } catch {
            if error.isMissing {
                warn(path, "points to \(target), which does not exist", "correct the symlink, or remove it")
            } else {
                errors.append(UnitErrors(unit: name, errors: [.configUnreadable(path, error.reason)]))
            }
        }
    }

    private mutating func warn(_ path: String, _ problem: String, _ remedy: String) {
        warnings.append("\(path.escapedForMessage): it \(problem); \(remedy)")
    }
}
