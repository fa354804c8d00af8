import BackupTestKit
import Foundation
import Testing

/// A text of the repository, and what a test changes in it so that it runs here. Whatever is changed must be there: so who
/// changes the text learns that a test depends on it.
struct ShippedText {
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// What stands in place of the fingerprint that an administrator must write.
    static let noFingerprint = "0000000000000000000000000000000000000000"

    let name: String
    private(set) var text: String

    /// - Parameter name: the path in the repository.
    init(_ name: String) throws {
        self.name = name
        text = try String(contentsOfFile: Self.repository + "/" + name, encoding: .utf8)
    }

    /// Puts `new` in place of each `old`.
    mutating func change(_ old: String, to new: String, location: SourceLocation = #_sourceLocation) throws {
        try #require(text.contains(old), "\(name) does not say this any more: \(old)", sourceLocation: location)
        text = text.replacingOccurrences(of: old, with: new)
    }

    /// The lines that begin with `prefix`, without it; there must be some.
    func lines(after prefix: String, location: SourceLocation = #_sourceLocation) throws -> [String] {
        let lines = text.components(separatedBy: "\n").filter { $0.hasPrefix(prefix) }
        try #require(!lines.isEmpty, "\(name) has no line with: \(prefix)", sourceLocation: location)
        return lines.map { String($0.dropFirst(prefix.count)) }
    }
}

extension Machine {
    /// Takes a shipped configuration in place of its own, with its state, its keys and its storage in its own directory.
    func adopt(_ configuration: ShippedText, keys: String? = nil) throws {
        var text = configuration.text
        try #require(!text.contains("\ngeneral:"), "\(configuration.name)")
        text += """

            general:
              state_directory: \(path("state"))
              runtime_directory: \(path("run"))
              keys_directory: \(keys ?? path("keys"))

            """
        if !text.contains("\nstorage:") { text += "storage: { directory: \(storage), durability: none }\n" }
        try directory.write(name + "/conf/config", text)
    }

    /// The path of a program that is `gb` on this machine, for those who cannot name the configuration.
    func program() throws -> String {
        let file = try directory.write(
            name + "/bin/gb", "#!/bin/sh\nexec '\(GBProcess.gb)' \"$@\" --config-dir '\(configuration)'\n")
        try #require(chmod(file, 0o755) == 0)
        return file
    }

    /// Enables a tar unit, as the documents say, for the tree `tree` as the source `source`.
    func backUpTree(as source: String) throws {
        try directory.link(name + "/conf/units/Root", to: ShippedText.repository + "/units/tar")
        try directory.write(
            name + "/conf/units/Root.config",
            """
            sources:
              \(source):
                root: \(try directory.makeDirectory(name + "/tree"))
                full_timing: { min: 6d, max: 7d }
                inc_timing: { min: 20h, max: 28h }

            """)
    }
}
