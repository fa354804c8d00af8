import BackupConfig
import BackupModel
import BackupTransfer
import Glibc

/// Whether those whom a listener lets in get as far as its socket: a directory above it may be closed to them. Owners,
/// groups and modes are looked at, access control lists are not.
struct SocketReachability {
    /// Who may come.
    private enum Visitor {
        case anybody
        case group(UInt32)
        case user(UInt32, groups: Set<UInt32>)
    }

    private let path: String
    private let visitors: [(name: String, who: Visitor)]

    init(_ path: String, _ listener: ListenerSettings) {
        self.path = path
        visitors = Self.visitors(listener)
    }

    /// For each visitor that is stopped the first directory that does it.
    func obstacles() -> [String] {
        // Directories that are missing are made so that all get through.
        let directories = Self.ancestors(RealPath.of(RealPath.parent(path)))
        return visitors.compactMap { name, who in
            guard let place = directories.first(where: { !Self.lets(who, through: $0) }) else { return nil }
            return
                "\(name) cannot reach \(path): the directory \(place) does not let through; give it a mode that does, "
                + "for example `chmod a+x \(place)`, or choose another directory for the socket"
        }
    }

    // MARK: - Visitors

    /// Root gets everywhere, and this user made the socket: neither is among them.
    private static func visitors(_ listener: ListenerSettings) -> [(String, Visitor)] {
        if let allowed = listener.allowedUIDs { return Set(allowed).sorted().compactMap { user($0) } }
        if listener.mode & 0o002 != 0 { return [("another user", .anybody)] }
        // Names that are unknown are an error already.
        guard let socket = try? listener.forConnector() else { return [] }
        var found: [(String, Visitor)] = []
        if listener.mode & 0o200 != 0, let owner = socket.owner.flatMap({ user($0) }) { found.append(owner) }
        if listener.mode & 0o020 != 0, let group = Optional(socket.group ?? getegid()), group != 0 {
            let name = getgrgid(group).map { String(cString: $0.pointee.gr_name) }
            found.append(("the group \(name ?? String(group))", .group(group)))
        }
        return found
    }

    private static func user(_ number: UInt32) -> (String, Visitor)? {
        guard number != 0, number != geteuid() else { return nil }
        guard let entry = getpwuid(number) else { return ("the user \(number)", .user(number, groups: [])) }
        let name = String(cString: entry.pointee.pw_name)
        var groups = [gid_t](repeating: 0, count: 1024)
        var count = CInt(groups.count)
        let isWhole = getgrouplist(name, entry.pointee.pw_gid, &groups, &count) >= 0
        return ("the user \(name)", .user(number, groups: isWhole ? Set(groups.prefix(Int(count))) : []))
    }

    // MARK: - Directories

    /// The directories on the way, from the root on.
    private static func ancestors(_ directory: String) -> [String] {
        var found = ["/"]
        for (position, character) in zip(directory.indices, directory) where character == "/" {
            if position != directory.startIndex { found.append(String(directory[..<position])) }
        }
        return directory == "/" ? found : found + [directory]
    }

    private static func lets(_ visitor: Visitor, through path: String) -> Bool {
        var status = stat()
        // Of what cannot be looked at nothing is said.
        guard stat(path, &status) == 0 else { return true }
        let mode = status.st_mode
        switch visitor {
        case .anybody: return mode & 0o001 != 0
        case .group(status.st_gid): return mode & 0o010 != 0
        case .group: return mode & 0o001 != 0
        case .user(status.st_uid, _): return mode & 0o100 != 0
        case .user(_, let groups): return mode & (groups.contains(status.st_gid) ? 0o010 : 0o001) != 0
        }
    }
}
