/// Selects sources by a shell-like pattern: `*` stands for any characters within a part, `?` for one, `**` for any
/// characters, slashes included. A pattern without wildcards means that source and everything below it.
package struct SourcePattern: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    private enum Piece: Hashable {
        case byte(UInt8)
        case one
        case any
        case anyDeep
    }

    private let pieces: [Piece]
    private let hasWildcard: Bool

    /// - Throws: `BackupError` with code `invalidValue` when the pattern does not begin with `/` or `*`.
    package init(_ text: String) throws(BackupError) {
        guard text.hasPrefix("/") || text.hasPrefix("*") else {
            throw BackupError(
                .invalidValue, "\"\(text.escapedForMessage)\" is not a pattern for sources: it does not begin with '/'",
                remedy: "write for example /host1/root, '/host1/*' or '**/log'")
        }
        description = text
        var pieces: [Piece] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "*"):
                if pieces.last == .any {
                    pieces[pieces.count - 1] = .anyDeep
                } else if pieces.last != .anyDeep {
                    pieces.append(.any)
                }
            case UInt8(ascii: "?"): pieces.append(.one)
            default: pieces.append(.byte(byte))
            }
        }
        self.pieces = pieces
        hasWildcard = pieces.contains { if case .byte = $0 { false } else { true } }
    }

    package func matches(_ source: SourceURL) -> Bool {
        let text = source.description
        if !hasWildcard {
            let base = description.hasSuffix("/") ? String(description.dropLast()) : description
            return text == base || text.hasPrefix(base + "/")
        }
        return Self.matches(pieces[...], Array(text.utf8)[...])
    }

    /// Whether there may be a match among `source` and all that could lie below it. Errs on the side of "yes": only what
    /// stands before the first wildcard is looked at.
    package func mayMatch(atOrBelow source: SourceURL) -> Bool {
        let above = source.description + "/"
        if hasWildcard {
            let start = description.prefix { $0 != "*" && $0 != "?" }
            return above.hasPrefix(start) || start.hasPrefix(above)
        }
        return matches(source) || description.hasPrefix(above)
    }

    private static func matches(_ pieces: ArraySlice<Piece>, _ text: ArraySlice<UInt8>) -> Bool {
        // Two cursors with one point of return: linear for one star, at most quadratic for many.
        var piece = pieces.startIndex
        var position = text.startIndex
        var retry: (piece: Int, position: Int)?
        var deepRetry: (piece: Int, position: Int)?
        while position < text.endIndex {
            if piece < pieces.endIndex {
                switch pieces[piece] {
                case .byte(text[position]):
                    piece += 1
                    position += 1
                    continue
                case .one where text[position] != UInt8(ascii: "/"):
                    piece += 1
                    position += 1
                    continue
                case .any:
                    retry = (piece, position)
                    piece += 1
                    continue
                case .anyDeep:
                    deepRetry = (piece, position)
                    retry = nil
                    piece += 1
                    continue
                default: break
                }
            }
            if let point = retry, text[point.position] != UInt8(ascii: "/") {
                retry = (point.piece, point.position + 1)
                piece = point.piece + 1
                position = point.position + 1
            } else if let point = deepRetry {
                retry = nil
                deepRetry = (point.piece, point.position + 1)
                piece = point.piece + 1
                position = point.position + 1
            } else {
                return false
            }
        }
        while piece < pieces.endIndex, pieces[piece] == .any || pieces[piece] == .anyDeep { piece += 1 }
        return piece == pieces.endIndex
    }
}
