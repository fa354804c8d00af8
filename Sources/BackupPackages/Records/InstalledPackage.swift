package import BackupModel

/// One package of a snapshot: what the database of the manager says about it.
package struct InstalledPackage: Sendable, Hashable {
    /// The version of the form that the package was written in.
    package var schema: Int = PackageRecord.currentSchema
    /// The UUID of the machine.
    package var machine: String
    package var manager: String
    /// The root directory as the manager names it.
    package var root: String
    package var category: String?
    package var name: String
    /// Empty for what is known but has none, such as a package of dpkg of which nothing is left.
    package var version: String
    package var repository: String?
    package var slot: String?
    package var architecture: String?
    package var installType: InstallType?
    /// Whether somebody wants the package for itself and not as a dependency.
    package var isExplicit: Bool?
    /// The manager's own word: `installed`, for dpkg also `config-files`, `unpacked` and others; `merging` for what portage
    /// has begun to write.
    package var state: String = "installed"
    /// When it was installed, where the database says it.
    package var installed: Timestamp?
    /// When it was built, maybe on another machine.
    package var built: Timestamp?
    /// A number that grows with each installation on the machine.
    package var serial: Int64?
    /// Bytes of its files.
    package var size: Int64?
    /// The choices that it was built with.
    package var use: [String]?
    /// Keys that are not known here, as they were read.
    package var unknown: JSONObject = [:]

    package init(
        machine: String, manager: String, root: String, category: String? = nil, name: String, version: String
    ) {
        self.machine = machine
        self.manager = manager
        self.root = root
        self.category = category
        self.name = name
        self.version = version
    }

    /// Category and name as one text, `dev-libs/openssl`; the name alone where there are no categories.
    package var fullName: String { category.map { $0 + "/" + name } ?? name }

    /// Whether its files are in the live file tree, as far as the manager says.
    package var isInstalled: Bool { !Self.absentStates.contains(state) }

    /// States in which nothing, or configuration alone, is left; and `merging`, which portage itself does not count.
    static let absentStates: Set<String> = ["not-installed", "config-files", "merging"]
}

extension InstalledPackage {
    /// The value of `Kind` in such a line.
    static let kind = "package"

    /// The package as one line of canonical JSON, without a newline.
    package var canonicalBytes: [UInt8] {
        // In the order of the keys.
        var writer = FieldWriter(unknown: unknown)
        writer.add("Architecture", architecture)
        writer.addIfPresent("Built", built?.seconds)
        writer.add("Category", category)
        writer.add("Explicit", isExplicit.map { JSONValue.bool($0) })
        writer.add("InstallType", installType?.rawValue)
        writer.add("Installed", installed?.seconds)
        writer.add("Kind", Self.kind)
        writer.add("Machine", machine)
        writer.add("Manager", manager)
        writer.add("Name", name)
        writer.add("Repository", repository)
        writer.add("Root", root)
        writer.add("Schema", Int64(schema))
        writer.addIfPresent("Serial", serial)
        writer.addIfPresent("Size", size)
        writer.add("Slot", slot)
        writer.add("State", state)
        writer.addIfPresent("Use", use.map { JSONValue.array($0.map { .string($0) }) })
        writer.add("Version", version)
        return writer.finish()
    }

    package var canonicalText: String { String(decoding: canonicalBytes, as: UTF8.self) }

    /// Reads a package. Keys that are not known are kept and written again.
    ///
    /// - Throws: `damaged` when a key is missing that each package must have, or has another type.
    package init(_ object: JSONObject) throws(BackupError) {
        var reader = FieldReader(object)
        try reader.expect(kind: Self.kind)
        schema = try reader.schema()
        machine = try reader.requiredText("Machine")
        manager = try reader.requiredText("Manager")
        root = try reader.requiredText("Root")
        category = try reader.text("Category")
        name = try reader.requiredText("Name")
        version = try reader.requiredText("Version")
        repository = try reader.text("Repository")
        slot = try reader.text("Slot")
        architecture = try reader.text("Architecture")
        installType = try reader.choice("InstallType", InstallType.self)
        isExplicit = try reader.bool("Explicit")
        state = try reader.requiredText("State")
        installed = try reader.time("Installed")
        built = try reader.time("Built")
        serial = try reader.integer("Serial")
        size = try reader.count("Size")
        use = try reader.texts("Use")
        unknown = reader.rest
    }
}
