import BackupModel

/// A line that proves something, and when it was written.
struct PortageProof: Sendable {
    var position: LogPosition
    /// Seconds since 1970, as the log has them.
    var stamp: Int64
}

/// One package that emerge works on.
struct PortageJob: Sendable {
    /// How far it has come, as the log shows it.
    enum Stage: Int64, Sendable {
        case begun
        /// The build is done, files are being copied.
        case merging
        /// All files are in the live tree.
        case live
    }

    var number: Int64
    var total: Int64
    /// `CATEGORY/NAME-VERSION`.
    var atom: [UInt8]
    /// `nil` when its first line was not seen; only that and the last name the root.
    var root: [UInt8]?
    /// Its first line; `nil` when that was not seen.
    var start: PortageProof?
    /// The stamp of its last line.
    var lastSeen: Int64
    var stage = Stage.begun
    var type: InstallType?
    var repository: String?
    /// Whether ``repository`` was looked for.
    var hasPath = false
    var slot: String?
    /// The line that says that the files are in the live tree.
    var live: PortageProof?
    /// Where the line stands that says that files are being copied; orders jobs of the same package.
    var mergeOrder: Int64 = -1
    /// The version that was removed in favour of this one.
    var replaced: String?
    var isExplicit = false
    /// Whether the run is meant to install anything: not when it only fetches or only builds.
    var isMerge = true
    /// Which run it belongs to, as far as can be told.
    var run: Int64
    /// Its end was recorded as inferred. It is kept, since the process that copies files may outlive emerge.
    var isReported = false

    func isFor(_ key: PortageJobKey) -> Bool {
        number == key.number && total == key.total && key.atom.text.equals(atom)
    }

    /// Calls `body` with the parts of the atom; `nil` when it is none, which only a state from elsewhere can bring.
    func withAtom<Value>(_ body: (PortageAtom) -> Value) -> Value? {
        atom.withByteText { PortageAtom($0).map(body) }
    }

    /// Whether it is a version of `package`, `CATEGORY/NAME`.
    func isOf(_ package: ByteText) -> Bool {
        guard atom.count > package.count, atom[package.count] == UInt8(ascii: "-") else { return false }
        return atom.withByteText { own in
            own.hasPrefix(package) && PortageAtom(own)?.hyphen == package.count
        }
    }

    func isOfSamePackage(as other: PortageAtom) -> Bool { isOf(other.text.slice(0, other.hyphen)) }
}

/// A removal that has begun.
struct PortageRemoval: Sendable {
    var atom: [UInt8]
    var started: Int64
    var isIndented: Bool
}

/// Lists of available packages that are being fetched.
struct PortageSync: Sendable {
    var name: String?
    var detail: String?
    var start: PortageProof
}

/// An emerge that has not said that it ends.
struct PortageRun: Sendable {
    var identifier: Int64
    /// The stamp of its first line.
    var started: Int64
    /// Nothing will be installed: packages are only fetched, or only built.
    var isMerge = true
    /// The argument of `--root`.
    var root: [UInt8]?
}
