/// Names one backup data element in a storage: the path from the storage root, with a leading `/`, without suffix:
/// `/host1/var/log/20261121001418-syslog-full` is one of the source `/host1/var/log/syslog`.
///
/// The file name is `<TIME><SERIAL?>-<last part of the source URL>-<full|inc>`: 14 digits of time, then nothing for
/// the first element with that time, source and type, or `0`, `1`, … for those after it.
package struct ElementID: Sendable, Hashable, CustomStringConvertible {
    package let source: SourceURL
    /// The 14 digits as they stand in the name. They narrow a search; the time of an element is its `Timestamp`.
    package let digits: String
    /// `nil` for the first element with that time, source and type.
    package let serial: Int?
    package let type: BackupType

    package init(source: SourceURL, digits: String, serial: Int?, type: BackupType) {
        self.source = source
        self.digits = digits
        self.serial = serial
        self.type = type
    }

    /// Reads an ID as `gb storage list` prints it.
    ///
    /// - Throws: `BackupError` with code `invalidValue`.
    package init(_ text: String) throws(BackupError) {
        guard text.utf8.first == UInt8(ascii: "/"), let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            throw .elementID(text, "it does not begin with '/'")
        }
        guard let name = FileName(text[text.utf8.index(after: slash)...]) else {
            throw .elementID(text, "the file name is not <14 digits><serial>-<last part of the source>-<full|inc>")
        }
        do throws(BackupError) { source = try SourceURL("\(text[..<slash])/\(name.lastPart)") } catch {
            throw .elementID(text, error.message)
        }
        digits = name.digits
        serial = name.serial
        type = name.type
    }

    /// The element with the file name `baseName` (without suffix) in the directory of `source`; `nil` when the name
    /// does not belong to an element of that source.
    package init?(source: SourceURL, baseName: Substring) {
        guard let name = FileName(baseName), name.lastPart == source.lastPart else { return nil }
        self.init(source: source, digits: name.digits, serial: name.serial, type: name.type)
    }

    /// What the name of an element's file says. The last part of a source URL may itself hold `-` and digits: time and
    /// serial number are the digits in front, the type is behind the last `-`.
    private struct FileName {
        let digits: String
        let serial: Int?
        let lastPart: String
        let type: BackupType

        init?(_ name: Substring) {
            let bytes = name.utf8
            guard bytes.allSatisfy({ $0 < 0x80 }) else { return nil }
            let leading = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard leading.count >= 14 else { return nil }
            let serialText = leading.dropFirst(14)
            // More than 9 digits is no serial number that anybody has reached.
            guard serialText.count <= 9, serialText.count <= 1 || serialText.first != UInt8(ascii: "0") else {
                return nil
            }
            let rest = bytes[leading.endIndex...]
            guard rest.first == UInt8(ascii: "-"), let dash = rest.lastIndex(of: UInt8(ascii: "-")),
                dash > rest.startIndex, let type = BackupType(rawValue: String(name[rest.index(after: dash)...]))
            else { return nil }
            digits = String(name[..<serialText.startIndex])
            serial = serialText.isEmpty ? nil : Int(name[serialText.startIndex..<serialText.endIndex])
            lastPart = String(name[rest.index(after: rest.startIndex)..<dash])
            self.type = type
        }
    }

    /// The file name without suffix.
    package var baseName: String { "\(digits)\(serial.map(String.init) ?? "")-\(source.lastPart)-\(type)" }

    package var description: String { source.directory.isEmpty ? "/\(baseName)" : "/\(source.directory)/\(baseName)" }

    /// The name of the element's file with this suffix (`data`, `info`, `lock` or an attribute), in its directory.
    package func fileName(_ suffix: String) -> String { "\(baseName).\(suffix)" }
}

extension ElementID: Comparable {
    /// By source, then by the time in the name, then by serial number with a missing one first.
    package static func < (left: ElementID, right: ElementID) -> Bool {
        if left.source != right.source { return left.source < right.source }
        if left.digits != right.digits { return left.digits < right.digits }
        if left.serial != right.serial { return (left.serial ?? -1) < (right.serial ?? -1) }
        return left.type == .full && right.type == .inc
    }
}

/// The name of a fact that is kept beside an element, as a file with this suffix.
package struct AttributeName: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    /// - Throws: `BackupError` with code `invalidValue` for names that hold `-`, `.`, `/` or control characters, are
    ///   empty, longer than 32 bytes, or mean an element's own files.
    package init(_ name: String) throws(BackupError) {
        let isFine = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !Array("-./".utf8).contains($0) }
        guard isFine, !name.isEmpty, name.utf8.count <= 32, !["data", "info", "lock"].contains(name) else {
            throw .attributeName(name)
        }
        description = name
    }
}
