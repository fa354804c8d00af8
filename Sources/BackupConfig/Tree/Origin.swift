import BackupModel

/// Where a value comes from.
enum Origin: Sendable, Hashable, CustomStringConvertible {
    /// A file, with line and column counted from 1.
    case file(String, line: Int, column: Int)
    /// Nobody wrote it.
    case builtIn

    /// `file:line:column`, as error messages begin.
    var description: String {
        switch self {
        case .file(let path, let line, let column): "\(path.escapedForMessage):\(line):\(column)"
        case .builtIn: "default"
        }
    }

    /// `file:line` or `default`, as `show` writes it behind a value.
    var short: String {
        switch self {
        case .file(let path, let line, _): "\(path.escapedForMessage):\(line)"
        case .builtIn: "default"
        }
    }
}
