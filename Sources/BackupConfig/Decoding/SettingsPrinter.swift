/// Writes recorded settings as YAML that reads back as the same settings.
struct SettingsPrinter {
    /// Whether each value is followed by `# file:line` or `# default`.
    let explain: Bool

    func print(_ settings: [RecordedSetting]) -> String {
        var output = ""
        print(settings[...].map { ($0.path[...], $0) }, indent: "", into: &output)
        return output
    }

    private func print(
        _ settings: [(path: ArraySlice<String>, setting: RecordedSetting)], indent: String, into output: inout String
    ) {
        var order: [String] = []
        var groups: [String: [(path: ArraySlice<String>, setting: RecordedSetting)]] = [:]
        for (path, setting) in settings {
            guard let key = path.first else { continue }
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append((path.dropFirst(), setting))
        }
        for key in order {
            let group = groups[key] ?? []
            if let list = group.first, list.path.isEmpty, list.setting.value == .maps {
                output += "\(indent)\(Self.scalar(key)):"
                print(list.setting, indent: indent, into: &output)
                print(items: group.dropFirst(), indent: indent + "  ", into: &output)
                continue
            }
            let name = Self.scalar(key)
            // libyaml finds the colon of a key only within 1024 characters; beyond it needs the long form.
            output += name.utf8.count < 1000 ? "\(indent)\(name):" : "\(indent)? \(name)\n\(indent):"
            if let only = group.first, only.path.isEmpty {
                print(only.setting, indent: indent, into: &output)
            } else {
                output += "\n"
                print(group, indent: indent + "  ", into: &output)
            }
        }
    }

    /// The maps of a list: each one as any map, with the `-` in the indentation of its first line.
    private func print(
        items: ArraySlice<(path: ArraySlice<String>, setting: RecordedSetting)>, indent: String,
        into output: inout String
    ) {
        var rest = items
        while let index = rest.first?.path.first {
            let item = rest.prefix { $0.path.first == index }
            rest = rest.dropFirst(item.count)
            var text = ""
            print(item.map { ($0.path.dropFirst(), $0.setting) }, indent: indent + "  ", into: &text)
            output += indent + "- " + text.dropFirst(indent.count + 2)
        }
    }

    private func print(_ setting: RecordedSetting, indent: String, into output: inout String) {
        let comment = explain ? "  # " + setting.origin.short : ""
        switch setting.value {
        case .word(let word): output += " \(word)\(comment)\n"
        case .text(let text): output += " \(Self.scalar(text))\(comment)\n"
        case .emptyMap: output += " {}\(comment)\n"
        case .maps: output += "\(comment)\n"
        case .list(let items):
            let texts = items.map(Self.scalar)
            let line = "[" + texts.joined(separator: ", ") + "]"
            if line.count <= 80 {
                output += " \(line)\(comment)\n"
            } else {
                output += comment + "\n"
                for text in texts { output += "\(indent)  - \(text)\n" }
            }
        }
    }

    /// The text as a YAML scalar, in double quotes unless it is a plain word for certain.
    static func scalar(_ text: String) -> String {
        isPlain(text) ? text : quoted(text)
    }

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "%") else { return false }
        let words = ["none", "null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        return !words.contains(text.lowercased())
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "%"):
                    true
                default: false
                }
            }
    }

    /// In double quotes.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if needsEscape(scalar) {
                    let digits = String(scalar.value, radix: 16, uppercase: true)
                    result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }

    /// Control characters, line ends of Unicode, the byte order mark, and what is no character.
    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
            || scalar.value == 0xfeff || scalar.value & 0xfffe == 0xfffe
    }
}
