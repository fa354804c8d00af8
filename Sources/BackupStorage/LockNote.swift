import BackupModel

/// What a lock file of an element says: what its holder was about to do, for whoever finds it after a crash.
enum LockNote: Equatable {
    /// `.data` with this inode number gets its name, then `.info`.
    case commit(inode: UInt64)
    /// All files of the element are removed.
    case delete
    /// Attributes change; nothing needs to be undone.
    case change

    var text: String {
        switch self {
        case .commit(let inode): #"{"operation": "commit", "inode": \#(inode)}"#
        case .delete: #"{"operation": "delete"}"#
        case .change: #"{"operation": "change"}"#
        }
    }

    /// `nil` for a note that is not ours, or was cut off by a crash.
    init?(_ text: String) {
        guard let object = try? JSONParser.parse(text, limits: .init(size: 4096, depth: 2)).objectValue else {
            return nil
        }
        switch object["operation"]?.stringValue {
        case "commit":
            guard case .number(let digits) = object["inode"], let inode = UInt64(digits) else { return nil }
            self = .commit(inode: inode)
        case "delete": self = .delete
        case "change": self = .change
        default: return nil
        }
    }
}
