import Foundation
import Testing

/// The commands that a document tells its reader to type, one after the other: a test that follows a document takes each,
/// so that none can be added without being tried.
struct DocumentedCommands {
    private static let programs: Set<String> = [
        "cp", "editor", "for", "gb", "gpg", "ln", "ls", "make", "mkdir", "od", "socat", "sudo", "systemctl",
    ]

    let document: ShippedText
    /// The blocks that are indented by four blanks, without these.
    let blocks: [String]
    /// The blocks between fences that are called `yaml`.
    let settings: [String]
    private var commands: ArraySlice<String>

    /// - Parameter isWhole: a block is one command, not each of its lines.
    init(_ name: String, isWhole: Bool = false) throws {
        document = try ShippedText(name)
        (blocks, settings) = Self.parse(document.text)
        // A backslash at the end continues a line.
        let pieces =
            isWhole
            ? blocks
            : blocks.flatMap { $0.replacingOccurrences(of: "\\\n", with: "").components(separatedBy: "\n") }
        commands =
            pieces.filter { piece in
                piece.hasPrefix("f=") || Self.programs.contains(String(piece.prefix { $0 != " " }))
            }[...]
    }

    private static func parse(_ text: String) -> (blocks: [String], settings: [String]) {
        var (blocks, settings): ([String], [String]) = ([], [])
        var fence: String?
        var isInBlock = false
        for line in text.components(separatedBy: "\n") {
            if line.hasPrefix("```") {
                if line == "```yaml" { settings.append("") }
                fence = fence == nil ? line : nil
            } else if let fence {
                if fence == "```yaml", let last = settings.popLast() { settings.append(last + line + "\n") }
            } else if line.hasPrefix("    ") {
                let rest = String(line.dropFirst(4))
                if isInBlock, let last = blocks.popLast() {
                    blocks.append(last + "\n" + rest)
                } else {
                    blocks.append(rest)
                }
            }
            isInBlock = fence == nil && line.hasPrefix("    ")
        }
        return (blocks, settings)
    }

    /// The next command, which must begin so.
    mutating func next(_ beginning: String, location: SourceLocation = #_sourceLocation) throws -> String {
        let first = commands.popFirst()
        let command = try #require(first, "\(document.name): no more commands", sourceLocation: location)
        try #require(
            command.hasPrefix(beginning), "\(document.name): \(command)\nin place of: \(beginning)",
            sourceLocation: location)
        return command
    }

    /// The next command, if it begins so.
    mutating func nextIfThere(_ beginning: String) -> String? {
        commands.first?.hasPrefix(beginning) == true ? commands.popFirst() : nil
    }

    func expectNoMore(location: SourceLocation = #_sourceLocation) {
        #expect(commands == [], "\(document.name) has commands that nobody tries", sourceLocation: location)
    }

    /// What stands between back-ticks and begins with `gb`, each once.
    var inlineCommands: [String] {
        let spans = document.text.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        return Set(spans.filter { $0.hasPrefix("gb ") }).sorted()
    }
}

/// A reader who follows a document: a shell, with what the document calls by a fixed name elsewhere.
struct DocumentReader {
    /// Where the reader stands.
    var place: String
    /// Where programs are found before those of the system.
    var programs: [String]
    var home: String
    /// What stands in a document, and what it is here; what is longer first.
    var paths: [(name: String, path: String)] = []

    /// Types `command`, which must go well, with `changes` made in it before; what is to be changed must be there.
    @discardableResult
    func type(
        _ command: String, _ changes: [String: String] = [:], status: Int = 0,
        location: SourceLocation = #_sourceLocation
    ) throws -> GBResult {
        var text = command
        for (old, new) in changes {
            try #require(text.contains(old), "\(command) does not say: \(old)", sourceLocation: location)
            text = text.replacingOccurrences(of: old, with: new)
        }
        for (name, path) in paths { text = text.replacingOccurrences(of: name, with: path) }
        // Nobody is there to be asked.
        let script = "gpg() { command gpg --batch --pinentry-mode loopback --passphrase '' \"$@\"; }\n" + text
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let result = try GBProcess(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            environment: ["PATH": (programs + [path]).joined(separator: ":"), "HOME": home], directory: place
        ).wait(limit: 300)
        try #require(result.status == status, "\(text)\n\(result.testDescription)", sourceLocation: location)
        return result
    }
}
