/// The states of a package, by dpkg's words.
enum DpkgState: String, Sendable {
    case notInstalled = "not-installed"
    case configFiles = "config-files"
    case halfInstalled = "half-installed"
    case unpacked = "unpacked"
    case halfConfigured = "half-configured"
    case triggersAwaited = "triggers-awaited"
    case triggersPending = "triggers-pending"
    case installed = "installed"

    /// Whether something is still to be done with the package.
    var isOpen: Bool {
        switch self {
        case .installed, .configFiles, .notInstalled: false
        case .halfInstalled, .unpacked, .halfConfigured, .triggersAwaited, .triggersPending: true
        }
    }

    init?(_ text: ByteText) {
        // By length first: this is asked for every second line.
        switch text.count {
        case 8 where text.equals("unpacked"): self = .unpacked
        case 9 where text.equals("installed"): self = .installed
        case 12 where text.equals("config-files"): self = .configFiles
        case 13 where text.equals("not-installed"): self = .notInstalled
        case 14 where text.equals("half-installed"): self = .halfInstalled
        case 15 where text.equals("half-configured"): self = .halfConfigured
        case 16 where text.equals("triggers-awaited"): self = .triggersAwaited
        case 16 where text.equals("triggers-pending"): self = .triggersPending
        default: return nil
        }
    }
}

/// What a line of `dpkg.log` says behind its time.
enum DpkgMessage {
    enum Action: String, Sendable {
        case install, upgrade, configure, trigproc, disappear, remove, purge
    }

    /// `package` is `NAME:ARCHITECTURE`, in old logs without the latter.
    case status(DpkgState, package: ByteText, version: ByteText)
    /// `<none>` stands for no version.
    case action(Action, package: ByteText, old: ByteText, new: ByteText)
    /// Nothing that a record is made of.
    case note

    init?(_ text: ByteText) {
        guard let blank = text.firstIndex(of: UInt8(ascii: " ")) else { return nil }
        let word = text.slice(0, blank)
        let rest = text.from(blank + 1)
        if word.equals("status") {
            guard let (first, second, third) = Self.three(rest), let state = DpkgState(first), Self.isPackage(second)
            else { return nil }
            // Only what is gone has no version.
            guard state == .notInstalled || !Self.isNone(third) else { return nil }
            self = .status(state, package: second, version: third)
            return
        }
        if word.equals("startup") {
            guard rest.hasPrefix("archives ") || rest.hasPrefix("packages ") else { return nil }
            self = .note
            return
        }
        if word.equals("conffile") {
            guard rest.hasSuffix(" install") || rest.hasSuffix(" keep") else { return nil }
            self = .note
            return
        }
        let action: Action
        if word.equals("configure") {
            action = .configure
        } else if word.equals("install") {
            action = .install
        } else if word.equals("upgrade") {
            action = .upgrade
        } else if word.equals("trigproc") {
            action = .trigproc
        } else if word.equals("remove") {
            action = .remove
        } else if word.equals("purge") {
            action = .purge
        } else if word.equals("disappear") {
            action = .disappear
        } else {
            return nil
        }
        guard let (package, old, new) = Self.three(rest), Self.isPackage(package) else { return nil }
        self = .action(action, package: package, old: old, new: new)
    }

    /// Three words that fill the text.
    private static func three(_ text: ByteText) -> (ByteText, ByteText, ByteText)? {
        guard let one = text.firstIndex(of: UInt8(ascii: " ")), one > 0,
            let two = text.firstIndex(of: UInt8(ascii: " "), from: one + 1), two > one + 1, two + 1 < text.count
        else { return nil }
        let third = text.from(two + 1)
        guard third.count <= 512, third.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        return (text.slice(0, one), text.slice(one + 1, two), third)
    }

    private static func isPackage(_ text: ByteText) -> Bool {
        text.count <= 512
            && text.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
                    UInt8(ascii: ":"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    static func isNone(_ version: ByteText) -> Bool { version.equals("<none>") }
}
