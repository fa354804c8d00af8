package import BackupModel
import BackupSystem
import Glibc

/// What became of an element that was brought from elsewhere.
package struct SettledElement: Sendable {
    package let id: ElementID
    /// Whether it was here already: somebody else has brought the same one in the meantime.
    package let wasPresent: Bool

    package init(id: ElementID, wasPresent: Bool) {
        self.id = id
        self.wasPresent = wasPresent
    }
}

extension ElementStorage {
    package func settle(_ pending: [PendingElement]) -> [Result<SettledElement, BackupError>] {
        commit(pending).map { $0.map { SettledElement(id: $0, wasPresent: false) } }
    }

    package func endArrivals() {}

    package func room() throws(BackupError) -> Int64? { nil }
}

extension DefaultFileStorage {
    /// Held while elements from elsewhere are stored, by one process and thread at a time.
    static let arrivalLockName = "arrivals.lock"
    /// For how many seconds others are waited for. A group is stored in less, on any disk that works.
    private static let arrivalPatience = 300.0

    package func settle(_ pending: [PendingElement]) -> [Result<SettledElement, BackupError>] {
        let lock: FileLock
        do throws(BackupError) { lock = try acquireArrivalLock() } catch {
            return pending.map { _ in .failure(error) }
        }
        // Its file stays until the arrivals end: others take the lock on it as well.
        defer { lock.abandon() }
        var results: [Int: Result<SettledElement, BackupError>] = [:]
        var new: [(index: Int, element: PendingElement)] = []
        /// By what tells elements apart: the first one in `pending`.
        var first: [String: Int] = [:]
        for (index, element) in pending.enumerated() {
            do throws(BackupError) {
                if let id = try twin(of: element) {
                    results[index] = .success(SettledElement(id: id, wasPresent: true))
                    element.drop()
                } else if first[element.identity] == nil {
                    first[element.identity] = index
                    new.append((index, element))
                }
            } catch {
                results[index] = .failure(error)
            }
        }
        for (result, (index, _)) in zip(commit(new.map(\.element), keepsNote: true), new) {
            results[index] = result.map { SettledElement(id: $0, wasPresent: false) }
        }
        return pending.enumerated().map { index, element in
            if let result = results[index] { return result }
            // The same one twice in `pending`.
            switch first[element.identity].flatMap({ results[$0] }) {
            case .success(let settled):
                element.drop()
                return .success(SettledElement(id: settled.id, wasPresent: true))
            case .failure(let error): return .failure(error)
            case nil: return .failure(.noFreeName(element.source, element.metadata.timestamp.digits))
            }
        }
    }

    package func endArrivals() {
        spareNotes.release()
        // What stays behind is removed by whoever uses it next.
        if let place = try? partialPlace.directory() { try? removeStaleArrivalLock(in: place) }
    }

    /// The element that is stored under one of the names which this one would get, and is the same.
    private func twin(of element: PendingElement) throws(BackupError) -> ElementID? {
        guard element.metadata.checksum != nil, let directory = try directory(of: element.source) else { return nil }
        let digits = fileNameDigits(of: element.metadata.timestamp)
        for serial in -1..<100_000 {
            let id = ElementID(
                source: element.source, digits: digits, serial: serial < 0 ? nil : serial, type: element.metadata.type)
            // As good as always, and not worth the words of an error.
            if try directory.status(id.fileName("info")) == nil { return nil }
            let stored: StoredElement
            do throws(BackupError) { stored = try Self.read(id, in: directory) } catch {
                switch error.code {
                case .notFound: return nil
                // Whatever it is, it is not this one.
                case .damaged, .untrusted: continue
                default: throw error
                }
            }
            if stored.metadata.checksum == element.metadata.checksum, stored.metadata.uuid == element.metadata.uuid,
                stored.metadata.predecessor == element.metadata.predecessor
            {
                return id
            }
        }
        return nil
    }

    private func acquireArrivalLock() throws(BackupError) -> FileLock {
        let directory = try partialPlace.directory()
        let end = SystemClock.monotonic() + Self.arrivalPatience
        while true {
            do throws(BackupError) {
                // Without a note: rewriting a file that stays costs as much as an element.
                return try FileLock.acquire(Self.arrivalLockName, in: directory)
            } catch {
                guard error.code == .busy, SystemClock.monotonic() < end else { throw error }
                usleep(5000)
            }
        }
    }

    /// Removes the lock file that a crash has left.
    func removeStaleArrivalLock(in directory: Directory) throws(BackupError) {
        try FileLock.takeOver(Self.arrivalLockName, in: directory)?.lock.release()
    }
}

extension PendingElement {
    /// What two elements of one source never share, unless they are the same.
    fileprivate var identity: String { "\(source)\n\(metadata.text)" }

    /// Its bytes are here already.
    fileprivate func drop() {
        if case .partial(let file) = content { file.discard() }
    }
}
