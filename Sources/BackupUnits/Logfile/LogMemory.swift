import BackupConfig
import BackupModel
import BackupSystem

/// Which files are stored already: `files.current` in the unit's directory, and `files.next` while a run is committed.
///
/// A file is known by directory, inode, size and time of modification, so that it is known under another name, too, as
/// `logrotate` gives it. The device is left out: the numbers of LVM, NFS and others change with each start of the machine.
struct LogMemory: Hashable {
    struct Entry: Hashable {
        let directory: String
        /// When it was stored; it may have another name now.
        let name: String
        let state: LogFileState
        let source: SourceURL
        let uuid: ElementUUID
    }

    private struct Key: Hashable {
        let directory: String
        let state: LogFileState
    }

    private var entries: [Key: Entry] = [:]

    static let current = "files.current"
    static let next = "files.next"
    /// Bytes; for more files than a directory has.
    private static let maximumSize = 64 << 20

    /// The UUID of the element that holds the file; `nil` when none does.
    func entry(_ file: LogFile) -> Entry? { entries[Key(directory: file.input.directory, state: file.state)] }

    mutating func add(_ entry: Entry) { entries[Key(directory: entry.directory, state: entry.state)] = entry }

    mutating func forget(_ file: LogFile) { entries[Key(directory: file.input.directory, state: file.state)] = nil }

    /// Forgets what is not there any more.
    ///
    /// - Parameters:
    ///   - directories: those that could be listed; what lies in others stays known.
    ///   - files: all files there.
    mutating func keep(_ files: [LogFile], in directories: Set<String>) {
        let present = Set(files.map { Key(directory: $0.input.directory, state: $0.state) })
        entries = entries.filter { present.contains($0.key) || !directories.contains($0.key.directory) }
    }

    // MARK: - Its file

    init() {}

    /// - Throws: `damaged` when the file cannot be read.
    init(in directory: Directory) throws(BackupError) {
        let path = directory.path + "/" + Self.current
        guard let bytes = try directory.readFileIfPresent(Self.current, limit: Self.maximumSize) else { return }
        do throws(BackupError) {
            let value = try JSONParser.parse(bytes, limits: .init(size: Self.maximumSize))
            guard let items = value.objectValue?["files"]?.arrayValue else { throw .noFileList() }
            for item in items {
                guard let object = item.objectValue, let entry = Entry(object) else { throw .noFileList() }
                add(entry)
            }
        } catch {
            throw .memoryDamaged(path, error)
        }
    }

    var text: [UInt8] {
        let sorted = entries.values.sorted {
            ($0.directory, $0.state.inode, $0.state.size) < ($1.directory, $1.state.inode, $1.state.size)
        }
        return Array(JSONValue.object(["files": .array(sorted.map(\.json))]).canonicalText.utf8)
    }
}

extension LogMemory.Entry {
    fileprivate init?(_ object: JSONObject) {
        guard let directory = object["directory"]?.stringValue, let name = object["name"]?.stringValue,
            let inode = object["inode"]?.integerValue, let size = object["size"]?.integerValue,
            let modified = object["modified"]?.integerValue, let fraction = object["fraction"]?.integerValue,
            let source = object["source"]?.stringValue.flatMap({ try? SourceURL($0) }),
            let uuid = object["uuid"]?.stringValue.flatMap({ ElementUUID(base64: $0) })
        else { return nil }
        self.init(
            directory: directory, name: name,
            // Inodes are unsigned, and JSON here is signed.
            state: LogFileState(
                inode: UInt64(bitPattern: inode), size: size, modified: Timestamp(modified), modifiedFraction: fraction),
            source: source, uuid: uuid)
    }

    fileprivate var json: JSONValue {
        .object([
            "directory": .string(directory), "name": .string(name), "inode": .integer(Int64(bitPattern: state.inode)),
            "size": .integer(state.size), "modified": .integer(state.modified.seconds),
            "fraction": .integer(state.modifiedFraction), "source": .string(source.description),
            "uuid": .string(uuid.base64),
        ])
    }
}
