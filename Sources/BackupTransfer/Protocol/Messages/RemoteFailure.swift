package import BackupModel
package import NIOCore

/// Why a request of version 2 was not answered: the payload of an `E`.
package struct RemoteFailure: Sendable, Equatable {
    /// The kinds of failure. A text that is not known is read as `internal`.
    package enum Code: String, Sendable, CaseIterable {
        /// No such element, or none any more.
        case notFound = "not_found"
        /// The policy does not allow it.
        case refused
        /// Later it may work.
        case busy
        /// The element is not what it must be.
        case damaged
        /// The request cannot be understood.
        case badRequest = "bad_request"
        /// Too much at once.
        case limit
        /// Anything else.
        case `internal`
    }

    /// Characters of a message at most.
    static let maximumLength = 500

    package let code: Code
    /// For people: at most 500 characters, without control characters. It comes from the peer: never act on it.
    package let message: String

    /// - Parameter message: is cut to 500 characters, its control characters are escaped.
    package init(code: Code, message: String) {
        self.code = code
        self.message = Self.printable(message)
    }

    /// - Throws: `BackupError` with code `untrusted`.
    package init(parsing bytes: ByteBuffer, limits: ProtocolLimits = ProtocolLimits()) throws(BackupError) {
        let reader = MessageReader(message: "an error frame")
        let object = try reader.object(try reader.json(bytes, limits: limits))
        guard let code = object["code"]?.stringValue, let message = object["message"]?.stringValue else {
            throw reader.malformed("code or message is no text")
        }
        self.init(code: Code(rawValue: code) ?? .internal, message: message)
    }

    package var encoded: ByteBuffer {
        JSONValue.object(["code": .string(code.rawValue), "message": .string(message)]).frame
    }

    private static func printable(_ text: String) -> String {
        var result = ""
        var count = 0
        for scalar in text.unicodeScalars {
            // Quotes stay, so that a text which is escaped twice is not changed twice.
            let piece = scalar == "\"" ? "\"" : String(scalar).escapedForMessage
            count += piece.unicodeScalars.count
            guard count <= maximumLength else { return result }
            result += piece
        }
        return result
    }
}
