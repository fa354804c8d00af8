package import BackupModel
import BackupSystem

/// The identity of this machine: `<state>/machine`, one line. Whoever restores a machine from its backup gets it back with
/// the state directory; whoever clones one registers the clone anew. Nothing makes it but an administrator: a machine that is
/// installed by an image must not get the identity of the image.
package struct MachineRegistration {
    private static let fileName = "machine"
    private static let lockName = "machine.lock"
    /// Bytes; an identity has 37.
    private static let maximumSize = 4096

    private let state: Directory
    private let journal: Journal
    private let clock: any WallClock

    package init(_ installation: Installation) throws(BackupError) {
        state = try installation.stateDirectory()
        journal = try Journal(in: state)
        clock = installation.clock
    }

    /// The identity that was registered; `nil` for none.
    ///
    /// - Throws: `damaged` when the file holds something else.
    package func current() throws(BackupError) -> MachineID? { try Self.read(in: state) }

    /// Registers this machine under a new identity, durably.
    ///
    /// - Parameter replace: also where there is one.
    /// - Throws: `exists` when there is one and it is not to be replaced; `busy` when somebody else is registering.
    package func register(replace: Bool) throws(BackupError) -> MachineID {
        let lock = try FileLock.acquire(Self.lockName, in: state, note: "\(ProcessIdentity.number)\n")
        defer { lock.release() }
        var previous: String?
        if try state.status(Self.fileName) != nil {
            // What cannot be read is replaced only on request, too: somebody may know what it was.
            guard replace else { throw .machineRegistered(state.path + "/" + Self.fileName, try current()) }
            previous = try? current()?.description
        }
        var generator = SystemRandomNumberGenerator()
        let id = MachineID(using: &generator)
        try state.replaceFile(Self.fileName, with: Array("\(id)\n".utf8))
        try journal.append(
            JournalEvent(.machineRegistered, at: clock.now()).with("machine", id.description)
                .with("previous", previous))
        return id
    }

    static func read(in state: Directory) throws(BackupError) -> MachineID? {
        guard let bytes = try state.readFileIfPresent(fileName, limit: maximumSize) else { return nil }
        var text = String(decoding: bytes, as: UTF8.self)
        if text.hasSuffix("\n") { text.removeLast() }
        do throws(BackupError) { return try MachineID(text) } catch {
            throw .machineUnreadable(state.path + "/" + fileName, error)
        }
    }
}
