import BackupModel
import BackupSystem

/// The names of the indices with which GNU tar tells what has changed since the element before:
/// `<source URL without leading slash, '/' as '-'>.index`, with `.next` while tar runs, and older ones that are kept as
/// `.index.<TIME>`, `.index.zst.<TIME>`, or `.index.bz2.<TIME>` (the original's).
struct TarIndexName: Hashable {
    /// Bytes of the longest suffix that follows ``base``: `.zst.<14 digits>.tmp`.
    static let longestSuffix = 23
    /// Bytes that a file name has at most.
    static let longestName = 255

    /// `host1-root.index`
    let base: String

    init(_ source: SourceURL) { base = source.parts.joined(separator: "-") + ".index" }

    var next: String { base + ".next" }
    /// `host1-root.settings`: with what the last full was made.
    var settings: String { base.dropLast("index".count) + "settings" }
    var isTooLong: Bool { base.utf8.count + Self.longestSuffix > Self.longestName }

    /// The time in the name of an old index of this very source; `nil` for all other names.
    func time(ofKept name: String) -> String? {
        guard name.hasPrefix(base + ".") else { return nil }
        var rest = name.dropFirst(base.count + 1)
        for compression in ["bz2.", "zst."] where rest.hasPrefix(compression) {
            rest = rest.dropFirst(compression.count)
        }
        guard rest.utf8.count == 14, rest.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else {
            return nil
        }
        return String(rest)
    }
}

/// The tar indices in a unit's directory.
struct TarIndices {
    let directory: Directory
    let compress: (@Sendable () throws(BackupError) -> any ByteTransform)?
    let afterStep: @Sendable (String) -> Void

    /// Whether tar can make an increment with the source's index. An empty one stands for "there is none".
    func isUsable(_ source: SourceURL) throws(BackupError) -> Bool {
        guard let status = try directory.status(TarIndexName(source).base) else { return false }
        return status.kind == .regular && status.size > 0
    }

    /// Path of the index that tar reads and writes.
    func pathOfNext(_ source: SourceURL) -> String { directory.path + "/" + TarIndexName(source).next }

    /// Removes what a run before may have left at `.index.next`: tar then makes a full backup.
    func prepareFull(_ source: SourceURL) throws(BackupError) { try directory.removeFile(TarIndexName(source).next) }

    /// Makes `.index.next` a copy of the index, for an increment.
    ///
    /// - Parameter isVerbatim: whether it is for a program of which we do not know how it reads it.
    /// - Throws: `damaged` when it is no index or not a whole one.
    func prepareIncrement(_ source: SourceURL, isVerbatim: Bool) throws(BackupError) {
        let name = TarIndexName(source)
        try directory.removeFile(name.next)
        do throws(BackupError) {
            try copy(name.base, to: name.next, through: isVerbatim ? nil : TarIndexFilter())
        } catch {
            try? directory.removeFile(name.next)
            throw error
        }
    }

    /// Makes `.index.next` durable.
    ///
    /// - Parameter isRequired: whether it must be there. Where it need not be, an empty one takes its place, so that the
    ///   index before it is not used for an increment to something newer.
    func sealNext(_ source: SourceURL, isRequired: Bool) throws(BackupError) {
        let name = TarIndexName(source).next
        if try directory.status(name) == nil {
            if isRequired { throw .missingIndex(directory.path + "/" + name) }
            try directory.createFile(name).sync()
        } else {
            try directory.openFile(name).sync()
        }
        try directory.sync()
        afterStep("index.next")
    }

    /// Makes `.index.next` the index. Does nothing if that was done before.
    ///
    /// - Parameters:
    ///   - previous: the time of the element that the index before it belongs to.
    ///   - keep: how many old indices stay.
    func advance(_ source: SourceURL, previous: Timestamp?, keep: Int) throws(BackupError) {
        let name = TarIndexName(source)
        if try directory.status(name.next) != nil {
            if keep > 0, let previous, try isUsable(source) { try keepIndex(name, previous.digits) }
            try directory.rename(name.next, to: name.base)
            afterStep("index")
            try directory.sync()
        }
        // What cannot be removed now is removed by the next run; the element is safe.
        try? prune(name, keep: keep)
    }

    private func keepIndex(_ name: TarIndexName, _ digits: String) throws(BackupError) {
        if let compress {
            let kept = "\(name.base).zst.\(digits)"
            do throws(BackupError) {
                try directory.removeFile(kept + ".tmp")
                try copy(name.base, to: kept + ".tmp", through: try compress())
                try directory.rename(kept + ".tmp", to: kept)
                afterStep("index compressed")
                return
            } catch {
                // No space, most likely. Renaming needs none.
                try? directory.removeFile(kept + ".tmp")
            }
        }
        try directory.rename(name.base, to: "\(name.base).\(digits)")
        afterStep("index kept")
    }

    private func prune(_ name: TarIndexName, keep: Int) throws(BackupError) {
        var kept: [(time: String, name: String)] = []
        try directory.forEachEntry { entry throws(BackupError) in
            if let time = name.time(ofKept: entry.name) { kept.append((time, entry.name)) }
        }
        kept.sort { ($0.time, $0.name) > ($1.time, $1.name) }
        for old in kept.dropFirst(max(0, keep)) {
            try directory.removeFile(old.name)
            afterStep("old index removed")
        }
    }

    /// Removes what a run that did not end left.
    ///
    /// - Returns: the names of the files.
    func removeLeftovers() throws(BackupError) -> [String] {
        try remove {
            $0.hasSuffix(".index.next") || $0.hasSuffix(".settings.tmp")
                || ($0.contains(".index.zst.") && $0.hasSuffix(".tmp"))
        }
    }

    /// Removes all indices in use.
    func removeAll() throws(BackupError) { _ = try remove { $0.hasSuffix(".index") } }

    private func remove(_ isMeant: (String) -> Bool) throws(BackupError) -> [String] {
        var names: [String] = []
        try directory.forEachEntry { entry throws(BackupError) in
            if isMeant(entry.name) { names.append(entry.name) }
        }
        for name in names.sorted() {
            try directory.removeFile(name)
            afterStep("\(name) removed")
        }
        return names.sorted()
    }

    /// Copies a file of the directory in pieces, through `transform` if there is one.
    private func copy(_ from: String, to: String, through transform: consuming (any ByteTransform)?) throws(BackupError)
    {
        let input = try directory.openFile(from)
        let output = try directory.createFile(to)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var transform = transform
        while true {
            let count = try input.read(into: buffer)
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            if transform == nil {
                if count == 0 { return }
                try output.write(piece)
            } else if count > 0 {
                try transform?.process(piece) { bytes throws(BackupError) in try output.write(bytes) }
            } else {
                try transform?.finish { bytes throws(BackupError) in try output.write(bytes) }
                return
            }
        }
    }
}
