import BackupModel

/// A line, and the local time that stands in it.
struct DpkgProof: Sendable {
    var position: LogPosition
    /// Seconds, as if local time were UTC.
    var local: Int64
}

/// A package whose last line has not left it installed, removed or gone.
struct DpkgJob: Sendable {
    /// `NAME:ARCHITECTURE`.
    var package: [UInt8]
    /// What dpkg set out to do; `nil` when no line said it.
    var action: DpkgMessage.Action?
    /// The versions of the line that said it; empty for none.
    var old: [UInt8] = []
    var new: [UInt8] = []
    /// That line.
    var start: DpkgProof?
    /// Under which name the old version went, where its architecture was another one.
    var oldPackage: [UInt8]?
    /// The state and the version of the last status line; `nil` before the first.
    var state: DpkgState?
    var version: [UInt8] = []
    /// The line of the last status.
    var last: DpkgProof?
    /// The line that says that the files of the new version are there.
    var unpacked: DpkgProof?
    /// Whether a line says that files were unpacked or that the package was configured, whoever began it.
    var isInstallation = false
    /// Orders jobs by age.
    var offset: Int64

    var isInstalling: Bool { action == .install || action == .upgrade }

    func isOf(_ package: ByteText) -> Bool { package.equals(self.package) }

    /// Takes a status that leaves the job open.
    mutating func note(_ state: DpkgState, _ version: ByteText, _ local: Int64, _ line: LogLine) {
        let before = self.state
        self.state = state
        if !version.equals(self.version) { self.version = DpkgMessage.isNone(version) ? [] : version.array }
        last = DpkgProof(position: line.position, local: local)
        guard state == .unpacked || state == .halfInstalled else { return }
        isInstallation = true
        if state == .unpacked, unpacked == nil, isInstalling, version.equals(new) {
            // A reinstallation passes through the same version before its files are there.
            if old != new || before == .halfInstalled {
                unpacked = DpkgProof(position: line.logPosition, local: local)
            }
        }
    }
}

/// `NAME:ARCHITECTURE` as a key. It is looked up for nearly each line, so its hash is a cheap one; whoever writes names that
/// collide slows down the reading of their own log.
struct DpkgPackage: Hashable {
    private let text: [UInt8]
    private let digest: UInt64

    init(_ text: [UInt8]) {
        self.text = text
        digest = text.withByteText { $0.digest }
    }

    static func == (left: DpkgPackage, right: DpkgPackage) -> Bool { left.text == right.text }

    func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}
