import BackupModel

/// One node of a configuration tree: what was written, and where. Knows nothing of keys and types.
struct ConfigNode: Sendable {
    enum Content: Sendable {
        /// `quoted` tells `"true"` from `true`.
        case scalar(String, quoted: Bool)
        /// In the order of the file, without duplicates.
        case map([Entry])
        case list([ConfigNode])
    }

    /// A key with its value. The key's origin is that of the file which set the value.
    struct Entry: Sendable {
        let key: String
        let origin: Origin
        let value: ConfigNode
    }

    let content: Content
    let origin: Origin

    /// No value at all: nothing behind the colon, `~` or `null`.
    var isNothing: Bool {
        guard case .scalar(let text, quoted: false) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The word `none`, by which a file takes back what a file below it has set.
    var isNone: Bool {
        guard case .scalar("none", quoted: false) = content else { return false }
        return true
    }

    /// The entries of a map; a key without a value is an empty map. Nil for everything else.
    var entries: [Entry]? {
        if case .map(let entries) = content { return entries }
        return isNothing ? [] : nil
    }

    /// The entry for `key` of a map.
    func entry(_ key: String) -> Entry? { entries?.first { $0.key == key } }

    /// What is there, in the words of an error message.
    var summary: String {
        switch content {
        case .map: "a map"
        case .list: "a list"
        case .scalar(let text, let quoted):
            isNothing ? "no value" : quoted ? "the text \"\(text.escapedForMessage)\"" : "\"\(text.escapedForMessage)\""
        }
    }
}
