package import BackupModel

/// Selects packages as a person names them: `openssl`, `dev-libs/openssl`, `dev-libs/openssl-3.1*`, `libssl3:amd64`,
/// `libssl3=3.0.*`, `gcc:12`. `*` stands for any characters but a slash, `?` for one of them; a `=` in front is allowed.
package struct PackagePattern: Sendable, Hashable, CustomStringConvertible {
    package let description: String
    private let bytes: [UInt8]
    private let hasCategory: Bool

    /// - Throws: `invalidValue` when the text is empty, or has blanks or two slashes.
    package init(_ text: String) throws(BackupError) {
        let pattern = text.hasPrefix("=") ? String(text.dropFirst()) : text
        guard !pattern.isEmpty else { throw .packagePattern(text, "it is empty") }
        guard pattern.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            throw .packagePattern(text, "it has blanks or control characters")
        }
        // Behind a colon, slashes belong to a slot.
        let slashes = pattern.utf8.prefix { $0 != UInt8(ascii: ":") }.count { $0 == UInt8(ascii: "/") }
        guard slashes <= 1, !pattern.hasPrefix("/"), !pattern.hasSuffix("/") else {
            throw .packagePattern(text, "a slash stands only between category and name")
        }
        description = text
        bytes = Array(pattern.utf8)
        hasCategory = slashes == 1
    }

    package func matches(_ record: PackageRecord) -> Bool {
        guard let name = record.name else { return false }
        return matches(
            category: record.category, name: name, version: record.version, architecture: record.architecture,
            slot: record.slot)
    }

    package func matches(_ package: InstalledPackage) -> Bool {
        matches(
            category: package.category, name: package.name, version: package.version,
            architecture: package.architecture, slot: package.slot)
    }

    package func matches(_ identity: PackageIdentity, _ entry: PackageState.Entry) -> Bool {
        matches(
            category: identity.category, name: identity.name, version: entry.version,
            architecture: identity.architecture, slot: entry.slot)
    }

    func matches(
        category: String?, name: String, version: String?, architecture: String?, slot: String?
    ) -> Bool {
        var base: [UInt8] = []
        if hasCategory {
            guard let category else { return false }
            base.append(contentsOf: category.utf8)
            base.append(UInt8(ascii: "/"))
        }
        base.append(contentsOf: name.utf8)
        var candidates = [base]
        if let version, !version.isEmpty {
            candidates.append(base + [UInt8(ascii: "-")] + version.utf8)
            candidates.append(base + [UInt8(ascii: "=")] + version.utf8)
        }
        if let architecture {
            let named = base + [UInt8(ascii: ":")] + architecture.utf8
            candidates.append(named)
            if let version { candidates.append(named + [UInt8(ascii: "=")] + version.utf8) }
        }
        if let slot {
            candidates.append(base + [UInt8(ascii: ":")] + slot.utf8)
            candidates.append(base + [UInt8(ascii: ":")] + slot.utf8.prefix { $0 != UInt8(ascii: "/") })
        }
        return candidates.contains { Self.matches(bytes, $0) }
    }

    private static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        // Two cursors with one point of return: linear for one star, at most quadratic for many.
        var piece = 0
        var position = 0
        var retry: (piece: Int, position: Int)?
        while position < text.count {
            if piece < pattern.count, pattern[piece] == UInt8(ascii: "*") {
                retry = (piece, position)
                piece += 1
            } else if piece < pattern.count,
                pattern[piece] == text[position]
                    || (pattern[piece] == UInt8(ascii: "?") && text[position] != UInt8(ascii: "/"))
            {
                piece += 1
                position += 1
            } else if let point = retry, text[point.position] != UInt8(ascii: "/") {
                retry = (point.piece, point.position + 1)
                piece = point.piece + 1
                position = point.position + 1
            } else {
                return false
            }
        }
        while piece < pattern.count, pattern[piece] == UInt8(ascii: "*") { piece += 1 }
        return piece == pattern.count
    }
}
