/// Which of several packages of a run: `(3 of 27) dev-libs/openssl-3.0.2`.
struct PortageJobKey {
    let number: Int64
    let total: Int64
    let atom: PortageAtom
}

/// What a line of `emerge.log` says.
enum PortageMessage {
    /// A step of one job, by the word that the log has for it.
    enum Step {
        case fetchingBinary, mergingBinary, cleaning, building, merging, updatingWorld, cleaningUp
    }

    case runStarted(date: ByteText)
    case arguments(ByteText)
    case jobStarted(PortageJobKey, root: ByteText)
    /// `path` is that of the ebuild or binary package; empty for steps without.
    case step(Step, PortageJobKey, path: ByteText)
    case completed(PortageJobKey, root: ByteText)
    /// The files are in the live tree: `AUTOCLEAN`. Old versions of portage name no slot.
    /// The package is `CATEGORY/NAME`.
    case inLiveTree(package: ByteText, slot: ByteText?)
    /// A removal begins. By its indentation one that somebody asked for is told from one that an installation brings.
    case unmerging(PortageAtom, isIndented: Bool)
    case unmerged(PortageAtom)
    case unmergeFailed(PortageAtom)
    case restarting
    case terminating
    /// `=== sync`: lists of packages are about to be fetched.
    case syncMarker
    case syncStarted(name: ByteText)
    /// rsync was started, with this URL.
    case syncDetail(ByteText)
    case syncCompleted(name: ByteText)
    /// Old form, which names a URL.
    case syncCompletedWith(ByteText)
    case pulled(directory: ByteText)
    /// `!!!`: something went wrong.
    case complaint(ByteText)
    /// Nothing that a record is made of.
    case note

    /// Reads what stands behind `<stamp>:` and one blank.
    ///
    /// - Returns: `nil` when the line does not fit.
    init?(_ message: ByteText) {
        let isIndented = message.hasPrefix(" ")
        let text = isIndented ? message.from(1) : message
        guard text.count >= 4 else { return nil }
        let rest = text.from(4)
        let found: PortageMessage?
        switch (text[0], text[1], text[2], text[3]) {
        case (0x3d, 0x3d, 0x3d, 0x20): found = Self.equals(rest, isIndented)
        case (0x3e, 0x3e, 0x3e, 0x20): found = Self.arrows(rest, isIndented)
        case (0x3a, 0x3a, 0x3a, 0x20): found = Self.colons(rest)
        case (0x2a, 0x2a, 0x2a, 0x20): found = Self.stars(rest)
        case (0x2d, 0x2d, 0x2d, 0x20): found = Self.dashes(rest)
        case (0x21, 0x21, 0x21, 0x20): found = Self.exclamations(rest)
        default:
            if let date = text.after("Started emerge on: ") {
                found = .runStarted(date: date)
            } else if text.hasPrefix("Created new directory ") {
                found = .note
            } else {
                found = nil
            }
        }
        guard let found else { return nil }
        self = found
    }

    // MARK: - By the sign in front

    private static func equals(_ text: ByteText, _ isIndented: Bool) -> PortageMessage? {
        if text.hasPrefix("(") {
            guard let (number, total, end) = counter(text) else { return nil }
            return step(text.from(end), number, total)
        }
        if let rest = text.after("Unmerging... (") {
            guard let atom = rest.before(suffix: ")") else { return nil }
            return PortageAtom(atom).map { .unmerging($0, isIndented: isIndented) }
        }
        if let name = text.after("Sync completed for ") { return .syncCompleted(name: name) }
        if let url = text.after("Sync completed with ") { return .syncCompletedWith(url) }
        if text.hasPrefix("Resource usage for ") { return .note }
        if text.equals("sync") { return .syncMarker }
        return !isIndented || isActionWord(text) ? .note : nil
    }

    private static func arrows(_ text: ByteText, _ isIndented: Bool) -> PortageMessage? {
        if text.hasPrefix("emerge (") {
            return job(text.from("emerge ".utf8.count)).map { .jobStarted($0.key, root: $0.root) }
        }
        if let package = text.after("AUTOCLEAN: ") { return inLiveTree(package) }
        if let atom = text.after("unmerge success: ") { return PortageAtom(atom).map { .unmerged($0) } }
        if let rest = text.after("Syncing repository ") { return quoted(rest).map { .syncStarted(name: $0) } }
        if let rest = text.after("Synchronization of repository ") {
            return quoted(rest).map { .syncStarted(name: $0) }
        }
        if let rest = text.after("Starting rsync with ") ?? text.after("starting rsync with ") {
            return .syncDetail(rest)
        }
        if let rest = text.after("Git pull in ")?.before(suffix: " successful") { return .pulled(directory: rest) }
        // What fetches lists says what it likes, and never with a second blank.
        return !isIndented || isActionWord(text) ? .note : nil
    }

    private static func colons(_ text: ByteText) -> PortageMessage? {
        guard text.hasPrefix("completed emerge (") else { return nil }
        return job(text.from("completed emerge ".utf8.count)).map { .completed($0.key, root: $0.root) }
    }

    private static func stars(_ text: ByteText) -> PortageMessage? {
        if text.equals("terminating.") { return .terminating }
        if let arguments = text.after("emerge ") { return .arguments(arguments) }
        if text.equals("emerge") { return .arguments(text.from(text.count)) }
        if text.hasPrefix("RESTARTING emerge") { return .restarting }
        if text.equals("Finished. Cleaning up...") || text.equals("exiting successfully.")
            || text.equals("Resuming merge...")
        {
            return .note
        }
        if let status = text.after("exiting unsuccessfully with status '")?.before(suffix: "'.") {
            return status.count <= 4 ? .note : nil
        }
        return nil
    }

    private static func dashes(_ text: ByteText) -> PortageMessage? {
        guard text.hasPrefix("(") else { return .note }
        guard let (number, total, end) = counter(text) else { return nil }
        return step(text.from(end), number, total)
    }

    private static func exclamations(_ text: ByteText) -> PortageMessage? {
        if let atom = text.after("unmerge FAILURE: ") { return PortageAtom(atom).map { .unmergeFailed($0) } }
        return .complaint(text)
    }

    // MARK: - Parts

    /// Reads `(3 of 27) `; `end` is where the text goes on.
    private static func counter(_ text: ByteText) -> (number: Int64, total: Int64, end: Int)? {
        guard let number = text.number(at: 1) else { return nil }
        guard text.from(number.end).hasPrefix(" of "), let total = text.number(at: number.end + 4) else { return nil }
        guard text.from(total.end).hasPrefix(") ") else { return nil }
        return (number.value, total.value, total.end + 2)
    }

    /// Reads `(3 of 27) CATEGORY/NAME-VERSION to ROOT`.
    private static func job(_ text: ByteText) -> (key: PortageJobKey, root: ByteText)? {
        guard let (number, total, start) = counter(text) else { return nil }
        let rest = text.from(start)
        guard let blank = rest.firstIndex(of: UInt8(ascii: " ")), let root = rest.from(blank).after(" to "),
            let atom = PortageAtom(rest.slice(0, blank))
        else { return nil }
        // Two lines run into one when a newline is lost; the second would become a part of the root.
        guard root.hasPrefix("/"), root.count <= 4096, root.firstIndex(of: ": ") == nil else { return nil }
        return (PortageJobKey(number: number, total: total, atom: atom), root)
    }

    /// Reads `WHAT (CATEGORY/NAME-VERSION::PATH)` or the same without a path.
    private static func step(_ text: ByteText, _ number: Int64, _ total: Int64) -> PortageMessage? {
        guard let parenthesis = text.firstIndex(of: UInt8(ascii: "(")), parenthesis > 0,
            let inner = text.from(parenthesis + 1).before(suffix: ")")
        else { return nil }
        let colon = inner.firstIndex(of: UInt8(ascii: ":")) ?? inner.count
        guard colon == inner.count || inner.from(colon).hasPrefix("::"), let atom = PortageAtom(inner.slice(0, colon))
        else { return nil }
        let path = inner.from(min(colon + 2, inner.count))
        let step: Step
        let word = text.slice(0, parenthesis)
        if word.equals("Merging ") {
            step = .merging
        } else if word.equals("Compiling/Merging ") || word.equals("Compiling/Packaging ") {
            step = .building
        } else if word.equals("Cleaning ") {
            step = .cleaning
        } else if word.equals("Post-Build Cleaning ") {
            step = .cleaningUp
        } else if word.equals("Merging Binary ") {
            step = .mergingBinary
        } else if word.equals("Fetching Binary ") {
            step = .fetchingBinary
        } else if word.equals("Updating world file ") {
            step = .updatingWorld
        } else {
            return .note
        }
        return .step(step, PortageJobKey(number: number, total: total, atom: atom), path: path)
    }

    /// Reads `CATEGORY/NAME:SLOT` or the same without a slot.
    private static func inLiveTree(_ text: ByteText) -> PortageMessage? {
        let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? text.count
        let package = text.slice(0, colon)
        guard package.count <= 512, let slash = package.firstIndex(of: UInt8(ascii: "/")), slash > 0,
            slash + 1 < colon, package.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { return nil }
        var slot: ByteText?
        if colon < text.count {
            let rest = text.from(colon + 1)
            guard !rest.isEmpty, rest.count <= 128, rest.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x3a }) else {
                return nil
            }
            slot = rest
        }
        return .inLiveTree(package: package, slot: slot)
    }

    /// What stands between the first two quotation marks.
    private static func quoted(_ text: ByteText) -> ByteText? {
        guard text.hasPrefix("'"), let end = text.firstIndex(of: UInt8(ascii: "'"), from: 1) else { return nil }
        return text.slice(1, min(end, 256))
    }

    /// The name of an action of emerge, such as `depclean` or `regen`.
    private static func isActionWord(_ text: ByteText) -> Bool {
        !text.isEmpty && text.count <= 20
            && text.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "-") }
    }
}
