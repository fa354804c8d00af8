import BackupModel

/// Reads `emerge.log`.
///
/// Jobs of one run, and of several runs, are interleaved, and only some of their lines say whose they are. What is open is kept
/// in short lists; the newest that fits is taken.
package struct PortageLogParser: PackageLogParser {
    static let manager = "portage"
    /// Jobs that are kept; there have never been so many at once.
    static let maximumJobs = 256
    /// Jobs among them whose end was inferred.
    static let maximumReported = 64
    static let maximumRuns = 32
    static let maximumRemovals = 64
    static let maximumSyncs = 16
    /// Seconds after which a job or a run that was not heard of is held for dead when another run begins.
    static let silence: Int64 = 7 * 86400
    /// Bytes of arguments that a record of a run keeps.
    static let maximumDetail = 4096

    let machine: String
    /// For jobs whose root no line says.
    let defaultRoot: [UInt8]
    var repositories: PortageRepositories

    /// Oldest first.
    var jobs: [PortageJob] = []
    var removals: [PortageRemoval] = []
    var syncs: [PortageSync] = []
    var runs: [PortageRun] = []
    var nextRun: Int64 = 0
    /// Local time minus UTC in seconds, as the last run said.
    var zoneOffset: Int64?
    /// The root that was named last, and whether there was ever another one.
    var lastRoot: [UInt8]?
    var hasSeveralRoots = false
    var hasSeenDefaultRoot = false
    /// `=== sync`, with no list named yet.
    var syncMarker: PortageProof?
    /// The last completed job, `(N of M) ATOM`; after a restart of emerge it may be completed once more.
    var lastCompleted: (number: Int64, total: Int64, atom: [UInt8])?
    var wasRestarted = false
    /// The roots in use as texts.
    private var rootTexts: [(bytes: [UInt8], text: String)] = []

    init(_ context: LogContext) {
        machine = context.machine
        defaultRoot = Array(context.root.utf8)
        repositories = PortageRepositories(context.repositories)
    }

    // MARK: - Lines

    package mutating func take(_ line: LogLine, _ findings: inout LogFindings) {
        guard let text = ByteText(line.bytes) else { return }
        // After a crash a block of zeros may stand where lines were; what stands behind it was written as a whole.
        if text.firstIndex(of: 0) != nil, let zero = text.lastIndex(of: 0) {
            findings.rejected.add(line)
            if zero + 1 < text.count { _ = takeMessages(text.from(zero + 1), line, &findings) }
        } else if !takeMessages(text, line, &findings) {
            findings.rejected.add(line)
        }
    }

    /// Takes one line, or two that ran into one because a newline was lost.
    ///
    /// - Returns: Whether it was one line that fits.
    private mutating func takeMessages(_ text: ByteText, _ line: LogLine, _ findings: inout LogFindings) -> Bool {
        var rest = text
        var isWhole = true
        // Each turn takes a line off the front; a line cannot hold more of them than this.
        for _ in 0..<64 {
            if takeMessage(rest, line, &findings) { return isWhole }
            isWhole = false
            guard let second = Self.secondStamp(rest) else { return false }
            _ = takeMessage(rest.slice(0, second), line, &findings)
            rest = rest.from(second)
        }
        return false
    }

    /// Where within the line another one begins: ten digits, a colon and a blank.
    private static func secondStamp(_ text: ByteText) -> Int? {
        var from = 11
        while let colon = text.firstIndex(of: ": ", from: from) {
            let start = colon - 10
            if start > 0, text.slice(start, colon).allSatisfy(PortageAtom.isDigit) { return start }
            from = colon + 2
        }
        return nil
    }

    private mutating func takeMessage(_ text: ByteText, _ line: LogLine, _ findings: inout LogFindings) -> Bool {
        guard let (stamp, end) = text.number(at: 0), end <= 12, text.from(end).hasPrefix(": "),
            let message = PortageMessage(text.from(end + 2))
        else { return false }
        apply(message, stamp, line, &findings)
        return true
    }

    private mutating func apply(
        _ message: PortageMessage, _ stamp: Int64, _ line: LogLine, _ findings: inout LogFindings
    ) {
        switch message {
        case .note: return
        case .runStarted(let date): beginRun(date, stamp, &findings)
        case .arguments(let arguments): takeArguments(arguments, stamp, line, &findings)
        case .terminating: endRun(&findings)
        case .restarting:
            wasRestarted = true
            if !runs.isEmpty { runs.removeLast() }
        case .jobStarted(let key, let root): beginJob(key, root, stamp, line, &findings)
        case .step(let step, let key, let path): take(step, key, path, stamp, line, &findings)
        case .inLiveTree(let package, let slot): markLive(package, slot, stamp, line, &findings)
        case .completed(let key, let root): complete(key, root, stamp, line, &findings)
        case .unmerging(let atom, let isIndented):
            if removals.count == Self.maximumRemovals { removals.removeFirst() }
            removals.append(PortageRemoval(atom: atom.text.array, started: stamp, isIndented: isIndented))
        case .unmerged(let atom): remove(atom, stamp, line, &findings)
        case .unmergeFailed(let atom): failRemoval(atom, stamp, line, &findings)
        case .syncMarker: syncMarker = PortageProof(position: line.logPosition, stamp: stamp)
        case .syncStarted(let name): beginSync(name: name.string, detail: nil, stamp, line, &findings)
        case .syncDetail(let url): takeSyncDetail(url, stamp, line, &findings)
        case .syncCompleted(let name): endSync(name: name, detail: nil, stamp, line, &findings)
        case .syncCompletedWith(let url): endSync(name: nil, detail: url, stamp, line, &findings)
        case .pulled(let directory): endSync(name: nil, detail: directory, stamp, line, &findings)
        case .complaint(let text):
            if !syncs.isEmpty { syncs[syncs.count - 1].detail = text.slice(0, min(text.count, 200)).string }
        }
    }

    // MARK: - Roots

    /// Remembers a root that a line names.
    mutating func note(_ root: ByteText) -> [UInt8] {
        if let lastRoot, root.equals(lastRoot) { return lastRoot }
        if lastRoot != nil { hasSeveralRoots = true }
        let bytes = root.array
        if bytes == defaultRoot { hasSeenDefaultRoot = true }
        lastRoot = bytes
        return bytes
    }

    /// The root of a removal that no job brings, and whether that is sure.
    var rootOfRemoval: (root: [UInt8], isKnown: Bool) {
        if let root = runs.last?.root { return (root, true) }
        guard let lastRoot else { return (defaultRoot, true) }
        if !hasSeveralRoots { return (lastRoot, true) }
        return (hasSeenDefaultRoot ? defaultRoot : lastRoot, false)
    }

    /// The root of a job, and whether that is sure.
    func root(of job: PortageJob) -> (root: [UInt8], isKnown: Bool) {
        job.root.map { ($0, true) } ?? rootOfRemoval
    }

    mutating func text(of root: [UInt8]) -> String {
        if let known = rootTexts.first(where: { $0.bytes == root }) { return known.text }
        let text = String(decoding: root, as: UTF8.self)
        if rootTexts.count == 8 { rootTexts.removeFirst() }
        rootTexts.append((root, text))
        return text
    }
}
