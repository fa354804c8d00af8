import BackupModel
import Yams

/// The wording of every refusal of this module. All have the code `configuration`, but for a unit that is asked
/// for by name and does not exist.
extension BackupError {
    /// `file:line:column: key.path: problem`.
    static func config(
        at origin: Origin, _ path: [String], _ problem: String, remedy: String = ""
    ) -> BackupError {
        let name = path.isEmpty ? "" : keyPath(path) + ": "
        return BackupError(.configuration, "\(origin): \(name)\(problem)", remedy: remedy)
    }

    private static func keyPath(_ path: [String]) -> String {
        path.map(\.escapedForMessage).joined(separator: ".").replacing(".[", with: "[")
    }

    static func configUnknownKey(_ path: [String], at origin: Origin, known: [String]) -> BackupError {
        let key = path.last ?? ""
        if let nearest = nearestKey(to: key, among: known) {
            return config(at: origin, path, "unknown key, did you mean \"\(nearest)\"?")
        }
        return config(
            at: origin, path, "unknown key", remedy: "the keys known here are " + known.joined(separator: ", "))
    }

    static func configMissingKey(_ path: [String], at origin: Origin, expected: String, remedy: String) -> BackupError {
        config(at: origin, path, "the mandatory key is missing, expected \(expected)", remedy: remedy)
    }

    static func configDuplicateKey(_ key: String, at origin: Origin, isFirst: Bool) -> BackupError {
        let place = isFirst ? "here first" : "here again"
        return config(
            at: origin, [key], "the key stands more than once in the same map, \(place)", remedy: "keep one of them")
    }

    static func configMainOnly(_ path: [String], at origin: Origin) -> BackupError {
        config(
            at: origin, path, "this key belongs in the main configuration, a unit cannot override it",
            remedy: "of the main configuration a unit may set pipeline and generator.run_conditions")
    }

    static func configUnitOnly(_ path: [String], at origin: Origin) -> BackupError {
        config(
            at: origin, path, "this key belongs in the files of a unit, not in the main configuration",
            remedy: "write it in units/NAME.config beside the symlink NAME")
    }

    static func configKindInOverlay(at origin: Origin) -> BackupError {
        config(
            at: origin, ["unit"], "this key belongs in the unit definition, not in the overlay NAME.config",
            remedy: "to change what the unit is, point the symlink to another unit definition")
    }

    static func configAnchor(at origin: Origin) -> BackupError {
        config(
            at: origin, [], "YAML anchors (&name) and aliases (*name) are not taken",
            remedy: "write the value out where it is needed, use source_defaults for what sources share, and put "
                + "quotes around texts that begin with & or *")
    }

    static func configEmpty(_ path: String) -> BackupError {
        config(
            at: .file(path, line: 1, column: 1), [], "the file holds no settings, a map of settings is expected",
            remedy: "write settings in it, or remove it")
    }

    /// - Parameter isMarked: whether a byte order mark keeps the kernel from seeing the `#!`.
    static func configScript(_ path: String, isMarked: Bool) -> BackupError {
        let name = path.escapedForMessage
        return isMarked
            ? config(
                at: .file(path, line: 1, column: 1), [],
                "it is a script with a byte order mark before its `#!`, which cannot be executed",
                remedy: "remove the first three bytes of the file, and `chmod +x \(name)`")
            : config(
                at: .file(path, line: 1, column: 1), [], "it is a script that may not be executed",
                remedy: "`chmod +x \(name)`; where it lies on a file system that is mounted with noexec, move it")
    }

    static func configTooLarge(_ path: String) -> BackupError {
        config(
            at: .file(path, line: 1, column: 1), [], "the file is larger than 1 MiB, which no configuration is",
            remedy: "was another file put here by mistake?")
    }

    static func configUnreadable(_ path: String, _ reason: String, remedy: String = "") -> BackupError {
        config(at: .file(path, line: 1, column: 1), [], "the file cannot be read: \(reason)", remedy: remedy)
    }

    static func configMainMissing(_ path: String) -> BackupError {
        configUnreadable(
            path, "it does not exist",
            remedy: "create it from the shipped etc/config, or name its directory with --config-dir")
    }

    static func configSourceTwice(_ source: String, unit: String, first: String, at origin: Origin) -> BackupError {
        config(
            at: origin, ["sources", source],
            "the unit \(first) has this source already, and two units cannot write one chain",
            remedy: "give the source of unit \(unit) another URL, or remove one of the two")
    }

    static func configUnknownUnit(_ name: String, enabled: [String]) -> BackupError {
        BackupError(
            .notFound, "no unit \"\(name.escapedForMessage)\" is enabled",
            remedy: enabled.isEmpty ? "no unit is enabled at all" : "enabled are " + enabled.joined(separator: ", "))
    }

    /// Several errors of one file as one error: a line for each.
    static func configSeveral(_ errors: [BackupError], in object: String) -> BackupError {
        if let only = errors.first, errors.count == 1 { return only }
        let lines = errors.map { "\n  " + $0.description }.joined()
        return BackupError(.configuration, "\(errors.count) errors in \(object):\(lines)")
    }

    /// What libyaml said, with the position in front and the trap behind it explained.
    static func yaml(_ error: YamlError, path: String, text: String) -> BackupError {
        let place: (line: Int, column: Int)
        let problem: String
        switch error {
        case .composer(_, "found undefined alias", let mark, _):
            return configAnchor(at: .file(path, line: mark.line, column: mark.column))
        case .composer(_, _, let mark, _):
            return config(
                at: .file(path, line: mark.line, column: mark.column), [], "a second YAML document begins here",
                remedy: "a configuration file is one document: remove the line \"---\" between them")
        case .scanner(let context, let reason, let mark, _), .parser(let context, let reason, let mark, _):
            place = (mark.line, mark.column)
            problem = [context?.text, reason].compactMap(\.self).joined(separator: ": ")
        case .duplicatedKeysInMapping(let keys, let context):
            return configDuplicateKey(
                keys.first ?? "", at: .file(path, line: context.mark.line, column: context.mark.column), isFirst: true)
        case .reader(let reason, let offset, _, _):
            place = mark(ofCharacter: offset ?? 0, in: text)
            problem = reason
        default:
            place = mark(ofCharacter: 0, in: text)
            problem = "\(error)"
        }
        return config(
            at: .file(path, line: place.line, column: place.column), [],
            "not valid YAML: \(problem.escapedForMessage)", remedy: yamlRemedy(line: place.line, text: text))
    }

    private static func mark(ofCharacter offset: Int, in text: String) -> (line: Int, column: Int) {
        let before = text.prefix(offset)
        let line = before.count { $0.isNewline } + 1
        return (line, before.reversed().prefix { !$0.isNewline }.count + 1)
    }

    private static func yamlRemedy(line: Int, text: String) -> String {
        // libyaml often notices a tab only on the line after it.
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for index in [line - 1, line - 2] where lines.indices.contains(index) {
            if lines[index].prefix(while: { $0 == " " || $0 == "\t" }).contains("\t") {
                return "YAML is indented with blanks, not tabs: replace the tab in line \(index + 1)"
            }
        }
        return "put quotes around texts with special characters, and check the indentation"
    }
}

extension BackupError {
    // MARK: - Log files

    static func badPattern(_ reason: String) -> BackupError {
        BackupError(
            .invalidValue, reason.escapedForMessage,
            remedy: "put single quotes around it, and a backslash before characters that stand for themselves")
    }

    static func noFirstGroup() -> BackupError {
        BackupError(
            .configuration, "the pattern has no group whose text could name the source",
            remedy: "put ( ) around the part of the name that all files of a log share, or write source")
    }

    static func noSuchGroup(_ name: String, _ groups: [String?]) -> BackupError {
        let known = groups.enumerated().map { "\\\($0.offset + 1)" + ($0.element.map { " (\($0))" } ?? "") }
        return BackupError(
            .configuration, "the pattern has no group \"\(name.escapedForMessage)\"",
            remedy: known.isEmpty
                ? "put ( ) around a part of the pattern" : "there are \(known.joined(separator: ", "))")
    }
}

/// The known key that differs least from `key`, if it can be a slip of the fingers.
func nearestKey(to key: String, among known: [String]) -> String? {
    guard key.utf8.count <= 64 else { return nil }
    let candidates = known.map { (name: $0, distance: editDistance(key.lowercased().replacing("-", with: "_"), $0)) }
    guard let best = candidates.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(1, best.name.utf8.count / 3) ? best.name : nil
}

/// How many bytes must be inserted, removed or replaced to make one text of the other.
private func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right.utf8)
    var row = Array(0...right.count)
    for (index, byte) in left.utf8.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for column in right.indices {
            let replaced = diagonal + (byte == right[column] ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(replaced, row[column] + 1, row[column + 1] + 1)
        }
    }
    return row[right.count]
}
