import BackupModel
import Glibc

/// Parts a command line into words as a shell does, but for variables, patterns and operators, which stay as they are.
enum ShellWords {
    /// - Throws: `usage` for a quote that is not closed, or when nothing is there.
    static func split(_ text: String) throws(BackupError) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var isEscaped = false
        for character in text {
            if isEscaped {
                word = (word ?? "") + String(character)
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
            } else if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if character == " " || character == "\t" || character == "\n" {
                if let done = word { words.append(done) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        guard quote == nil, !isEscaped else { throw .openQuote(text) }
        if let word { words.append(word) }
        guard !words.isEmpty else { throw .emptyCommandLine() }
        return words
    }
}

enum CurrentDirectory {
    /// Absolute; `/` where the system does not tell.
    static var path: String {
        guard let raw = getcwd(nil, 0) else { return "/" }
        defer { free(raw) }
        return String(cString: raw)
    }
}
