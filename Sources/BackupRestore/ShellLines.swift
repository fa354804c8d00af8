package import BackupModel
import BackupStorage

extension RestoreSession {
    /// The commands that do the same without this program, one line an element.
    ///
    /// - Parameter directory: where the files go, as the lines should say it.
    package func shellLines(_ plan: RestorePlan, directory: String) async throws(BackupError) -> [String] {
        try checkFormats(plan)
        var lines: [String] = []
        for (number, element) in plan.elements.enumerated() {
            let layers = try await layers(of: element)
            var commands = layers.shellCommands
            var ending = ""
            switch layers.payload {
            case .tar: commands.append(["tar"] + Self.tarArguments(deletes: true) + ["--directory=" + directory])
            case .bytes, .piece:
                ending = (number == 0 ? " > " : " >> ") + Self.quoted(directory + "/" + element.id.source.lastPart)
            }
            let path = Self.quoted(storage.localPath(of: element.id) ?? element.id.description)
            let line = commands.map { $0.map(Self.quoted).joined(separator: " ") }.joined(separator: " | ")
            lines.append("< \(path) " + (line.isEmpty ? "cat" : line) + ending)
        }
        return lines
    }

    /// A word as a POSIX shell takes it literally.
    static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: Array("-_./:,@%+=".utf8).contains(byte)
            }
        }
        if isPlain, !word.isEmpty { return word }
        // Scalars, not characters: a quote with an accent is one character, and still a quote to the shell.
        var quoted = "'"
        for scalar in word.unicodeScalars {
            if scalar == "'" { quoted += "'\\''" } else { quoted.unicodeScalars.append(scalar) }
        }
        return quoted + "'"
    }
}
