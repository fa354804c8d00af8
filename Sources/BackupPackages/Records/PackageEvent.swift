/// What happened. A text that is not known here is kept: a newer version may write it.
package struct PackageEvent: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    package var description: String { rawValue }

    /// The package is in the live file tree.
    package static let install = PackageEvent(rawValue: "install")
    /// The package is no longer in the live file tree. An upgrade is the removal of the old version and the installation of
    /// the new one, in the order in which the log has them.
    package static let uninstall = PackageEvent(rawValue: "uninstall")
    /// What a removal had left behind (configuration files) is gone as well.
    package static let purge = PackageEvent(rawValue: "purge")
    /// An installation was begun and did not reach the live file tree.
    package static let installFailed = PackageEvent(rawValue: "install_failed")
    /// A removal was begun and failed.
    package static let uninstallFailed = PackageEvent(rawValue: "uninstall_failed")
    /// A list of available packages was brought up to date; ``PackageRecord/repository`` says which.
    package static let sync = PackageEvent(rawValue: "sync")
    /// That did not work, or the log does not say that it did.
    package static let syncFailed = PackageEvent(rawValue: "sync_failed")
    /// The manager was started; ``PackageRecord/detail`` has its arguments.
    package static let run = PackageEvent(rawValue: "run")
    /// What the log says and what the database says differ; ``PackageRecord/detail`` says how.
    package static let disagreement = PackageEvent(rawValue: "disagreement")

    /// The events known here, in the order of this list.
    package static let known: [PackageEvent] = [
        .install, .uninstall, .purge, .installFailed, .uninstallFailed, .sync, .syncFailed, .run, .disagreement,
    ]

    /// Whether the set of installed packages is another one afterwards.
    package var changesState: Bool { self == .install || self == .uninstall || self == .purge }
}

/// From what a package was installed.
package enum InstallType: String, Sendable, Hashable {
    case source, binary
}

/// Why a package was removed.
package enum RemovalCause: String, Sendable, Hashable {
    /// Somebody, or a clean-up that somebody started, asked for it.
    case manual
    /// Another version took its place.
    case replaced
    /// Other packages had taken over all its files.
    case disappeared
}

/// How much of a change the log has shown.
package enum Completeness: String, Sendable, Hashable {
    /// The line that says that it is done.
    case complete
    /// The files were in place; the line that ends the change never came.
    case unfinished
    /// No line says it: it follows from others, or from the database.
    case inferred
}
