package import BackupModel
import BackupStorage
import BackupSystem
import Glibc

/// What of a tree is compared beside names, types, contents and link targets.
package struct TreeAspects: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let mode = TreeAspects(rawValue: 1)
    /// User and group, as numbers.
    package static let owner = TreeAspects(rawValue: 2)
    /// Time of modification, with nanoseconds; that of symbolic links included.
    package static let time = TreeAspects(rawValue: 4)
    /// Which names are the same file.
    package static let hardLinks = TreeAspects(rawValue: 8)

    package static let all: TreeAspects = [.mode, .owner, .time, .hardLinks]
}

/// Describes all that lies below `path`, the directory itself included as `.`, one line each, so that two trees can be
/// compared: type, mode, owner, time, size, SHA-512 or link target, and the first name of a group of hard links.
///
/// Keys are paths relative to `path`; bytes that are no printable ASCII are written as `\xNN`.
package func contentsOfTree(
    _ path: String, aspects: TreeAspects = .all
) throws(BackupError) -> [String: String] {
    var reader = TreeReader(aspects: aspects)
    try reader.visit(Array(path.utf8), relative: [])
    return reader.lines
}

/// What differs between two trees, one line each, sorted; empty when they are the same.
package func treeDifferences(_ left: [String: String], _ right: [String: String]) -> [String] {
    Set(left.keys).union(right.keys).sorted().compactMap { path in
        switch (left[path], right[path]) {
        case (let one?, let other?): one == other ? nil : "\(path): \(one) | \(other)"
        case (let one?, nil): "\(path): only left: \(one)"
        case (nil, let other?): "\(path): only right: \(other)"
        case (nil, nil): nil
        }
    }
}

private struct TreeReader {
    let aspects: TreeAspects
    var lines: [String: String] = [:]
    private var firstNames: [String: String] = [:]

    init(aspects: TreeAspects) { self.aspects = aspects }

    mutating func visit(_ path: [UInt8], relative: [UInt8]) throws(BackupError) {
        let shown = relative.isEmpty ? "." : Self.escaped(relative)
        var status = stat()
        guard withPath(path, { lstat($0, &status) }) == 0 else { throw .system(errno, "look at", shown) }
        lines[shown] = try line(path, shown, status)
        guard status.st_mode & S_IFMT == S_IFDIR else { return }
        guard let names = namesInDirectory(path) else { throw .system(errno, "list", shown) }
        let slash = Array("/".utf8)
        // Sorted, so that the first name of a group of hard links is the same in both trees.
        for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            try visit(path + slash + name, relative: relative.isEmpty ? name : relative + slash + name)
        }
    }

    private mutating func line(_ path: [UInt8], _ shown: String, _ status: stat) throws(BackupError) -> String {
        var words: [String] = []
        var hasContent = false
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            words = ["file", "size=\(status.st_size)"]
            hasContent = true
        case S_IFDIR: words = ["directory"]
        case S_IFLNK: words = ["link", "target=\(try Self.target(path, shown))"]
        case S_IFIFO: words = ["fifo"]
        case S_IFSOCK: words = ["socket"]
        case S_IFCHR: words = ["character-device", "device=\(status.st_rdev)"]
        default: words = ["block-device", "device=\(status.st_rdev)"]
        }
        // Links have no mode of their own.
        if aspects.contains(.mode), words.first != "link" {
            words.append("mode=" + String(status.st_mode & 0o7777, radix: 8))
        }
        if aspects.contains(.owner) { words.append("owner=\(status.st_uid):\(status.st_gid)") }
        if aspects.contains(.time) {
            words.append("mtime=\(status.st_mtim.tv_sec).\(Int(status.st_mtim.tv_nsec).padded(9))")
        }
        if aspects.contains(.hardLinks), status.st_nlink > 1, words.first != "directory" {
            let key = "\(status.st_dev):\(status.st_ino)"
            if let first = firstNames[key] {
                words.append("same-file-as=\(first)")
            } else {
                firstNames[key] = shown
            }
        }
        if hasContent { words.append("sha512=\(try Self.digest(path, shown))") }
        return words.joined(separator: " ")
    }

    private static func target(_ path: [UInt8], _ shown: String) throws(BackupError) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = withPath(path) { name in
            buffer.withUnsafeMutableBytes { bytes in
                bytes.bindMemory(to: CChar.self).baseAddress.map { readlink(name, $0, bytes.count) } ?? -1
            }
        }
        guard count >= 0 else { throw .system(errno, "read the link", shown) }
        return escaped(Array(buffer.prefix(count)))
    }

    private static func digest(_ path: [UInt8], _ shown: String) throws(BackupError) -> String {
        let raw = withPath(path) { open($0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) }
        guard raw >= 0 else { throw .system(errno, "open", shown) }
        return Base64.encode(try DataDigest.sha512(OwnedDescriptor(raw, name: shown)))
    }

    private static func escaped(_ name: [UInt8]) -> String {
        var text = ""
        for byte in name {
            if (0x20..<0x7f).contains(byte), byte != UInt8(ascii: "\\") {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16)
                text += "\\x" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return text
    }
}
