import BackupModel
import Yams

/// Turns the bytes of one YAML file into a tree. Everything of YAML that a configuration does not need is refused:
/// anchors and aliases, tags, several documents, keys that are no text.
struct YAMLText {
    /// Bigger files are refused.
    static let maximumSize = 1 << 20
    /// No setting stands deeper than a fraction of this.
    private static let maximumDepth = 32

    /// The name of the file, for origins and errors.
    let path: String

    /// Parses `bytes`.
    ///
    /// - Throws: `BackupError` with code `configuration` and `file:line:column`.
    func parse(_ bytes: [UInt8]) throws(BackupError) -> ConfigNode {
        guard bytes.count <= Self.maximumSize else { throw .configTooLarge(path) }
        let text = try decode(bytes)
        // libyaml's answer to an alias without an anchor is an error with a position. With every anchor turned into
        // a tag of the same length no alias can be expanded, not even while duplicate keys are looked for.
        if bytes.contains(UInt8(ascii: "&")) {
            let harmless = bytes.map { $0 == UInt8(ascii: "&") ? UInt8(ascii: "!") : $0 }
            _ = try compose(String(decoding: harmless, as: UTF8.self)) { _ throws(BackupError) in }
        }
        let composed = try compose(text) { root throws(BackupError) in
            try convert(root, depth: 0, fallback: .file(path, line: 1, column: 1))
        }
        guard let node = composed else { throw .configEmpty(path) }
        if node.isNothing { throw .configEmpty(path) }
        guard case .map = node.content else {
            throw .config(at: node.origin, [], "a map of settings is expected at the top, found \(node.summary)")
        }
        return node
    }

    /// Valid UTF-8 without control characters other than line ends and tabs.
    private func decode(_ bytes: [UInt8]) throws(BackupError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .config(at: position(of: validPrefixLength(bytes), in: bytes), [], "the file is not valid UTF-8")
        }
        let forbidden = bytes.firstIndex {
            $0 < 0x20 && ![UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t")].contains($0) || $0 == 0x7f
        }
        if let forbidden {
            let digits = String(bytes[forbidden], radix: 16, uppercase: true)
            let name = "U+" + String(repeating: "0", count: 4 - digits.count) + digits
            throw .config(
                at: position(of: forbidden, in: bytes), [], "the file holds the control character \(name)",
                remedy: "a configuration is plain text; was another file put here by mistake?")
        }
        return text
    }

    private func validPrefixLength(_ bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var length = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { length += UTF8.width(scalar) }
        return length
    }

    /// Line and column of the byte at `offset`.
    private func position(of offset: Int, in bytes: [UInt8]) -> Origin {
        let before = bytes[..<offset]
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return .file(
            path, line: line, column: String(decoding: bytes[start..<offset], as: UTF8.self).unicodeScalars.count + 1)
    }

    /// What `convert` makes of the only document, or nil if there is none. The nodes know their anchors only as long
    /// as the parser lives.
    private func compose<Result>(
        _ text: String, convert: (Node) throws(BackupError) -> Result
    ) throws(BackupError) -> Result? {
        let parser: Parser
        let root: Node?
        do {
            parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            root = try parser.singleRoot()
        } catch let error as YamlError {
            throw .yaml(error, path: path, text: text)
        } catch {
            throw .config(at: .file(path, line: 1, column: 1), [], "the YAML cannot be read: \(error)")
        }
        defer { withExtendedLifetime(parser) {} }
        guard let root else { return nil }
        return try convert(root)
    }

    private func convert(_ node: Node, depth: Int, fallback: Origin) throws(BackupError) -> ConfigNode {
        let origin = node.mark.map { Origin.file(path, line: $0.line, column: $0.column) } ?? fallback
        guard depth < Self.maximumDepth else {
            throw .config(at: origin, [], "the maps and lists are nested too deeply")
        }
        guard node.anchor == nil else { throw .configAnchor(at: origin) }
        switch node {
        case .alias: throw .configAnchor(at: origin)
        case .scalar(let scalar):
            try refuseTag(scalar.tag, at: origin, allowed: .str)
            guard !scalar.string.unicodeScalars.contains("\0") else {
                throw .config(at: origin, [], "the text holds a NUL character, which no program or path can take")
            }
            return ConfigNode(content: .scalar(scalar.string, quoted: scalar.style != .plain), origin: origin)
        case .sequence(let items):
            try refuseTag(items.tag, at: origin, allowed: .seq)
            var result: [ConfigNode] = []
            for item in items { result.append(try convert(item, depth: depth + 1, fallback: origin)) }
            return ConfigNode(content: .list(result), origin: origin)
        case .mapping(let pairs):
            try refuseTag(pairs.tag, at: origin, allowed: .map)
            return ConfigNode(content: .map(try entries(pairs, depth: depth, origin: origin)), origin: origin)
        }
    }

    private func entries(_ pairs: Node.Mapping, depth: Int, origin: Origin) throws(BackupError) -> [ConfigNode.Entry] {
        var result: [ConfigNode.Entry] = []
        var seen: Set<String> = []
        for (keyNode, valueNode) in pairs {
            let key = try convert(keyNode, depth: depth + 1, fallback: origin)
            guard case .scalar(let name, _) = key.content, !name.isEmpty else {
                throw .config(at: key.origin, [], "a key is expected, found \(key.summary)")
            }
            guard seen.insert(name).inserted else { throw .configDuplicateKey(name, at: key.origin, isFirst: false) }
            let value = try convert(valueNode, depth: depth + 1, fallback: key.origin)
            result.append(ConfigNode.Entry(key: name, origin: key.origin, value: value))
        }
        return result
    }

    private func refuseTag(_ tag: Tag, at origin: Origin, allowed: Tag.Name) throws(BackupError) {
        let name = tag.description
        guard name.isEmpty || name == allowed.rawValue else {
            throw .config(
                at: origin, [], "YAML tags such as \"\(name.escapedForMessage)\" are not taken",
                remedy: "leave the word with the '!' out, or put quotes around the text")
        }
    }
}
