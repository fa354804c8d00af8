/// The wording of every refusal of this module.
extension BackupError {
    static func sourceURL(_ text: String, _ reason: String, at position: Int) -> BackupError {
        BackupError(
            .invalidValue, "\"\(text.escapedForMessage)\" is not a source URL: \(reason) at position \(position)",
            remedy: "a source URL looks like /host1/root: parts of A-Z a-z 0-9 % - . _ separated by single slashes")
    }

    static func elementID(_ text: String, _ reason: String) -> BackupError {
        BackupError(
            .invalidValue, "\"\(text.escapedForMessage)\" is not an element ID: \(reason)",
            remedy: "an element ID looks like /host1/root/20261121001418-root-full; `gb storage list` shows them")
    }

    static func attributeName(_ text: String) -> BackupError {
        BackupError(
            .invalidValue,
            "\"\(text.escapedForMessage)\" cannot name an attribute: it must not be empty, hold '-', '.' or '/', "
                + "nor be data, info or lock")
    }

    static func timeSpan(_ text: String, _ reason: String) -> BackupError {
        BackupError(
            .invalidValue, "\"\(text.escapedForMessage)\" is not a duration: \(reason)",
            remedy: "write numbers with the units s min h d w, added, for example 6d20h or 90min")
    }

    static func timeExpression(_ text: String, _ reason: String) -> BackupError {
        BackupError(
            .invalidValue, "\"\(text.escapedForMessage)\" is not a time: \(reason)",
            remedy: "write 2026-11-21, 2026-11-21T14:00, 2026-11-21T14:00:00Z, now, today, yesterday, "
                + "@1795220058 (seconds since 1970), or an age: numbers with the units s min h d w, added, like 36h or 2d12h"
        )
    }

    static func byteCount(_ text: String) -> BackupError {
        BackupError(
            .invalidValue, "\"\(text.escapedForMessage)\" is not a size",
            remedy: "write a number of bytes with an optional unit k M G T (1000) or Ki Mi Gi Ti (1024), "
                + "for example 500G or 64Mi")
    }

    static func json(_ reason: String, at offset: Int) -> BackupError {
        BackupError(.damaged, "not valid JSON: \(reason) at byte \(offset)")
    }

    static func metadata(_ reason: String) -> BackupError {
        BackupError(.damaged, "not valid element metadata: \(reason)")
    }

    static func machineID(_ text: String) -> BackupError {
        BackupError(
            .invalidValue, "\"\(text.escapedForMessage)\" is no UUID",
            remedy: "write it as 8-4-4-4-12 hexadecimal digits")
    }
}

extension String {
    /// This text with control and format characters made visible and cut to 200 characters, so that bad input cannot
    /// forge log lines or flood a terminal.
    package var escapedForMessage: String { escapedForMessage(limit: 200) }

    /// As ``escapedForMessage``, for a text that must be read to its end.
    ///
    /// - Parameter limit: characters, more than 0.
    package func escapedForMessage(limit: Int) -> String {
        // Nearly all names are so, and looking for what is not there makes many errors that nobody reads.
        if utf8.count <= limit, utf8.allSatisfy({ (0x20...0x7e).contains($0) && $0 != UInt8(ascii: "\"") }) {
            return self
        }
        var result = ""
        var count = 0
        for scalar in unicodeScalars {
            if count == limit { return result + "…" }
            count += 1
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\"": result += "\\\""
            default:
                switch scalar.properties.generalCategory {
                // Format characters turn the direction of text, or are not seen at all.
                case .control, .format, .lineSeparator, .paragraphSeparator:
                    result += "\\u{" + String(scalar.value, radix: 16) + "}"
                default:
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }
}

extension Collection<UInt8> {
    /// Bytes that should be UTF-8, as ``Swift/String/escapedForMessage``; where they are not, each that is not ASCII as
    /// `\351`, as tar writes it.
    package var escapedForMessage: String {
        if let text = String(validating: self, as: UTF8.self) { return text.escapedForMessage }
        var result = ""
        for byte in prefix(200) {
            if byte < 0x80 {
                result += String(Unicode.Scalar(byte)).escapedForMessage
            } else {
                result += "\\" + String(byte, radix: 8)
            }
        }
        return count > 200 ? result + "…" : result
    }
}
