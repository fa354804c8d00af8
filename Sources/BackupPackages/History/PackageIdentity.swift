import BackupModel

/// What makes two installed packages the same one. Where versions of one package exclude each other, the version is not part
/// of it.
package struct PackageIdentity: Sendable, Hashable {
    package let manager: String
    package let root: String
    package let category: String?
    package let name: String
    package let architecture: String?
    /// `nil` where one version replaces the other.
    package let version: String?

    init(
        manager: String, root: String, category: String?, name: String, architecture: String?, version: String?
    ) {
        self.manager = manager
        self.root = root
        self.category = category
        self.name = name
        let isCoexisting = PackageManagers.versionsCoexist(manager)
        // Where versions coexist, logs do not name the architecture.
        self.architecture = isCoexisting ? nil : architecture
        self.version = isCoexisting ? version : nil
    }

    package init(_ package: InstalledPackage) {
        self.init(
            manager: package.manager, root: package.root, category: package.category, name: package.name,
            architecture: package.architecture, version: package.version)
    }

    /// `nil` for records that concern no package.
    package init?(_ record: PackageRecord) {
        guard let name = record.name else { return nil }
        self.init(
            manager: record.manager, root: record.root, category: record.category, name: name,
            architecture: record.architecture, version: record.version)
    }

    /// The same package in another root.
    func inRoot(_ root: String) -> PackageIdentity {
        PackageIdentity(
            manager: manager, root: root, category: category, name: name, architecture: architecture, version: version)
    }

    /// The same package as old logs name it, which do not tell the architecture.
    var withoutArchitecture: PackageIdentity {
        PackageIdentity(
            manager: manager, root: root, category: category, name: name, architecture: nil, version: version)
    }

    /// The same package, whatever its version.
    var anyVersion: PackageIdentity {
        PackageIdentity(
            manager: manager, root: root, category: category, name: name, architecture: architecture, version: nil)
    }

    package var fullName: String { category.map { $0 + "/" + name } ?? name }
}

extension PackageIdentity: Comparable {
    package static func < (left: PackageIdentity, right: PackageIdentity) -> Bool {
        left.sortKey.lexicographicallyPrecedes(right.sortKey)
    }

    private var sortKey: [UInt8] {
        var key: [UInt8] = []
        for text in [category ?? "", name, architecture ?? "", root, manager, version ?? ""] {
            key.append(contentsOf: text.utf8)
            key.append(0)
        }
        return key
    }
}
