import BackupModel

/// What somebody asked portage for: `/var/lib/portage/world` and `world_sets`.
struct PortageWorld {
    /// The lines of both files, as they are.
    private(set) var lines: [String] = []
    /// `CATEGORY/NAME`, with the slot where an entry names one.
    private var wanted: [String: Set<String?>] = [:]
    /// Whether there is a world file at all; otherwise nothing is known.
    private(set) var isPresent = false

    /// Bytes; a world of every package there is would fit many times.
    private static let maximumSize = 16 << 20

    init(_ root: PackageRoot) throws(BackupError) {
        for name in ["world", "world_sets"] {
            guard let bytes = try root.file("var/lib/portage/" + name, limit: Self.maximumSize) else { continue }
            if name == "world" { isPresent = true }
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                let text = String(decoding: line, as: UTF8.self).trimmed
                if text.isEmpty || text.hasPrefix("#") { continue }
                lines.append(text)
                if name == "world", !text.hasPrefix("@") { want(text) }
            }
        }
    }

    /// Reads an atom: `category/name`, `category/name:slot`, `>=category/name-1.2`, `category/name::repository`.
    private mutating func want(_ atom: String) {
        var text = atom[...]
        let operators = text.prefix { "<>=~!".contains($0) }
        text = text.dropFirst(operators.count)
        // Choices of USE stand behind all else.
        if let bracket = text.firstIndex(of: "[") { text = text[..<bracket] }
        if let repository = text.firstRange(of: "::") { text = text[..<repository.lowerBound] }
        var slot: String?
        if let colon = text.firstIndex(of: ":") {
            slot = String(text[text.index(after: colon)...].prefix { $0 != "/" && $0 != "=" && $0 != "*" })
            text = text[..<colon]
        }
        var name = String(text)
        if !operators.isEmpty {
            var bytes = Array(text.utf8)
            if bytes.last == UInt8(ascii: "*") { bytes.removeLast() }
            name = bytes.withByteText { text in
                PortageAtom(text).map { text.slice(0, $0.hyphen).string } ?? text.string
            }
        }
        wanted[name, default: []].insert(slot.flatMap { $0.isEmpty ? nil : $0 })
    }

    /// - Parameters:
    ///   - fullName: `CATEGORY/NAME`.
    ///   - slot: of the installed package, with or without its subslot.
    func contains(_ fullName: String, slot: String?) -> Bool {
        guard let slots = wanted[fullName] else { return false }
        return slots.contains(nil) || slots.contains(slot.map { String($0.prefix { $0 != "/" }) })
    }
}

extension String {
    /// Without blanks and tabs at both ends.
    var trimmed: String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text.drop(while: \.isWhitespace))
    }
}
