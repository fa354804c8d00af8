package import BackupModel

/// How the source of a log file is made from its name: texts, and groups of the pattern.
package struct LogSourceTemplate: Sendable, Hashable {
    private enum Part: Hashable {
        case text(String)
        /// The number of a group, from 1.
        case group(Int)
    }

    private let parts: [Part]

    /// - Parameters:
    ///   - text: `\1`, `\g<1>` and `\g<name>` stand for groups. Below `directory` when it does not begin with `/`; `nil` for
    ///     the directory and the first group.
    ///   - groups: the pattern's groups in order, with the names of those that have one.
    /// - Throws: `invalidValue` for a group that is not there, and for characters that no source URL may have.
    package init(_ text: String?, directory: String, groups: [String?]) throws(BackupError) {
        guard let text else {
            guard !groups.isEmpty else { throw .noFirstGroup() }
            try self.init([.text(directory + "/"), .group(1)])
            return
        }
        let parts = try Self.parse(text, groups)
        try self.init(text.hasPrefix("/") ? parts : [.text(directory + "/")] + parts)
    }

    private init(_ parts: [Part]) throws(BackupError) {
        self.parts = parts
        // Letters in place of the groups: what is left must be allowed wherever it stands.
        _ = try SourceURL(parts.map { Self.text(of: $0) { _ in "x" } }.joined())
    }

    private static func parse(_ text: String, _ groups: [String?]) throws(BackupError) -> [Part] {
        var parts: [Part] = []
        var rest = Substring(text)
        while let mark = rest.firstIndex(of: "\\") {
            if mark > rest.startIndex { parts.append(.text(String(rest[..<mark]))) }
            rest = rest[rest.index(after: mark)...]
            let name: Substring
            if rest.hasPrefix("g<"), let end = rest.firstIndex(of: ">") {
                name = rest[rest.index(rest.startIndex, offsetBy: 2)..<end]
                rest = rest[rest.index(after: end)...]
            } else {
                name = rest.prefix { $0.isASCII && $0.isNumber }
                rest = rest.dropFirst(name.count)
            }
            let number = Int(name) ?? groups.firstIndex { $0 == String(name) }.map { $0 + 1 }
            guard let number, (1...max(1, groups.count)).contains(number), !groups.isEmpty else {
                throw .noSuchGroup(String(name), groups)
            }
            parts.append(.group(number))
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        return parts
    }

    private static func text(of part: Part, _ group: (Int) -> String) -> String {
        switch part {
        case .text(let text): text
        case .group(let number): group(number)
        }
    }

    /// The source of a file.
    ///
    /// - Parameter group: what a group has matched; empty for one that took no part.
    /// - Throws: `invalidValue` for characters that no source URL may have.
    package func source(_ group: (Int) -> String) throws(BackupError) -> SourceURL {
        try SourceURL(parts.map { Self.text(of: $0, group) }.joined())
    }
}

/// Regular expressions for the names of log files.
package enum LogPattern {
    /// The groups that have a meaning.
    package static let oldSerial = "oldserial"
    package static let serial = "serial"
    package static let compress = "compress"

    /// More than any name needs, in bytes.
    package static let longestPattern = 1000

    /// The groups of `pattern` in order, with the names of those that have one.
    ///
    /// - Throws: `invalidValue` when it is no regular expression.
    package static func groups(of pattern: String) throws(BackupError) -> [String?] {
        guard pattern.utf8.count <= longestPattern else {
            throw .badPattern("it is longer than \(longestPattern) bytes")
        }
        do {
            _ = try Regex(pattern)
            // What it can match is not known, but nothing always matches this: then all groups are there, and empty. The
            // line break ends a comment, should there be one.
            let match = try "".wholeMatch(of: Regex("(?:\(pattern)\n)|"))
            return match.map { $0.output.dropFirst().map(\.name) } ?? []
        } catch {
            throw .badPattern("\(error)")
        }
    }
}
