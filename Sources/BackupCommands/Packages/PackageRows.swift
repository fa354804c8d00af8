import BackupModel
import BackupPackages

/// How one thing that is known of packages is shown.
enum PackageText {
    /// A package as a pattern can name it. Only dpkg has one package in several architectures at once.
    static func name(_ fullName: String, _ architecture: String?, manager: String) -> String {
        let isNamed = manager == "dpkg" && architecture != nil
        return (isNamed ? fullName + ":" + (architecture ?? "") : fullName).escapedForMessage
    }

    static func time(_ time: Timestamp?) -> String { time?.description ?? "" }
}

extension PackageRecord {
    static let columns = [
        "time", "started", "event", "category", "name", "version", "other_version", "slot", "architecture",
        "repository",
        "install_type", "cause", "duration", "completeness", "manager", "root", "detail",
    ]

    var csvValues: [String] {
        [
            PackageText.time(finished), PackageText.time(started), event.rawValue, category ?? "", name ?? "",
            version ?? "", otherVersion ?? "", slot ?? "", architecture ?? "", repository ?? "",
            installType?.rawValue ?? "", cause?.rawValue ?? "", duration.map { String($0) } ?? "",
            completeness.rawValue, manager, root, detail ?? "",
        ]
    }

    /// One line for people. What has no limit stands last.
    var shownLine: String {
        let time = (finished ?? started).map(\.description) ?? "unknown time"
        return padded(time, 20) + "  " + padded(event.rawValue, 12) + "  "
            + padded(duration.map { TimeSpan(seconds: $0).rounded } ?? "-", 9) + "  "
            + padded(completeness.rawValue, 10) + "  " + subject
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.utf8.count))
    }

    private var subject: String {
        guard let fullName else {
            return [repository, detail].compactMap { $0?.escapedForMessage }.joined(separator: "  ")
        }
        var text = PackageText.name(fullName, architecture, manager: manager)
        let other = otherVersion?.escapedForMessage
        let own = version?.escapedForMessage ?? "-"
        switch (event, other) {
        case (.install, let other?): text += "  \(other) -> \(own)"
        case (.uninstall, let other?): text += "  \(own) (replaced by \(other))"
        default: text += "  " + own
        }
        return isRootKnown && root == "/"
            ? text : text + "  in " + (isRootKnown ? root.escapedForMessage : "unknown root")
    }
}

extension InstalledPackage {
    static let columns = [
        "category", "name", "version", "slot", "architecture", "repository", "install_type", "explicit", "state",
        "installed", "built", "manager", "root",
    ]
    static let titles = ["PACKAGE", "VERSION", "SLOT", "INSTALLED", "STATE"]

    var row: PackagePrinter.Row {
        PackagePrinter.Row(
            json: { canonicalText },
            values: {
                [
                    category ?? "", name, version, slot ?? "", architecture ?? "", repository ?? "",
                    installType?.rawValue ?? "", isExplicit.map { String($0) } ?? "", state,
                    PackageText.time(installed),
                    PackageText.time(built), manager, root,
                ]
            },
            cells: {
                [
                    PackageText.name(fullName, architecture, manager: manager), version.escapedForMessage,
                    slot?.escapedForMessage ?? "-", installed?.description ?? "-", state.escapedForMessage,
                ]
            })
    }
}

extension PackageDifference {
    static let columns = ["change", "category", "name", "slot", "architecture", "before", "after", "manager", "root"]
    static let titles = ["CHANGE", "PACKAGE", "SLOT", "BEFORE", "AFTER"]

    func row(machine: String) -> PackagePrinter.Row {
        PackagePrinter.Row(
            json: {
                func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
                return JSONValue.object([
                    "Kind": .string("difference"), "Schema": .integer(PackageRecord.currentSchema),
                    "Machine": .string(machine), "Manager": .string(manager), "Root": .string(root),
                    "Change": .string(kind.rawValue), "Category": .text(category), "Name": .string(name),
                    "Slot": .text(slot), "Architecture": .text(architecture), "Before": texts(before),
                    "After": texts(after),
                ]).canonicalText
            },
            values: {
                [
                    kind.rawValue, category ?? "", name, slot ?? "", architecture ?? "",
                    before.joined(separator: " "), after.joined(separator: " "), manager, root,
                ]
            },
            cells: {
                [
                    kind.rawValue, PackageText.name(fullName, architecture, manager: manager),
                    slot?.escapedForMessage ?? "-", shown(before), shown(after),
                ]
            })
    }

    private func shown(_ versions: [String]) -> String {
        versions.isEmpty ? "-" : versions.map(\.escapedForMessage).joined(separator: " ")
    }
}

extension VersionInterval {
    static let columns = [
        "category", "name", "version", "slot", "architecture", "repository", "install_type", "from", "to",
        "is_installed",
        "rebuilds", "manager", "root",
    ]
    static let titles = ["PACKAGE", "VERSION", "FROM", "TO", "REBUILDS"]

    /// - Parameter begin: of the log.
    func row(machine: String, begin: Timestamp?) -> PackagePrinter.Row {
        PackagePrinter.Row(
            json: {
                JSONValue.object([
                    "Kind": .string("interval"), "Schema": .integer(PackageRecord.currentSchema),
                    "Machine": .string(machine), "Manager": .string(manager), "Root": .string(root),
                    "Category": .text(category), "Name": .string(name), "Version": .string(version),
                    "Slot": .text(slot), "Architecture": .text(architecture), "Repository": .text(repository),
                    "InstallType": .text(installType?.rawValue), "From": from.map { .integer($0.seconds) } ?? .null,
                    "To": to.map { .integer($0.seconds) } ?? .null, "IsInstalled": .bool(isOpen),
                    "Rebuilds": .integer(Int64(rebuilds)),
                ]).canonicalText
            },
            values: {
                [
                    category ?? "", name, version, slot ?? "", architecture ?? "", repository ?? "",
                    installType?.rawValue ?? "", PackageText.time(from), PackageText.time(to), String(isOpen),
                    String(rebuilds), manager, root,
                ]
            },
            cells: {
                [
                    PackageText.name(fullName, architecture, manager: manager), version.escapedForMessage,
                    from?.description ?? begin.map { "before \($0)" } ?? "unknown",
                    isOpen ? "still there" : to?.description ?? "unknown", String(rebuilds),
                ]
            })
    }
}

extension PackageComparison.Disagreement {
    static let columns = [
        "kind", "category", "name", "architecture", "log_version", "database_version", "log_state", "database_state",
        "manager", "root",
    ]
    static let titles = ["KIND", "PACKAGE", "LOG", "DATABASE"]

    var values: [String] {
        [
            kind.rawValue, category ?? "", name, architecture ?? "", logVersion ?? "", databaseVersion ?? "",
            logState ?? "", databaseState ?? "", manager, root,
        ]
    }

    var cells: [String] {
        func side(_ version: String?, _ state: String?) -> String {
            (version.map { $0.isEmpty ? "-" : $0.escapedForMessage } ?? "not installed")
                + (state.map { " (\($0.escapedForMessage))" } ?? "")
        }
        return [
            kind.rawValue, PackageText.name(fullName, architecture, manager: manager), side(logVersion, logState),
            side(databaseVersion, databaseState),
        ]
    }
}

extension JSONValue {
    fileprivate static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}
