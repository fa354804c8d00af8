package import BackupModel

/// How the administrator calls another machine that transfers: 1 to 64 of `A-Z a-z 0-9 - _ .`, not beginning with `.`.
/// It comes from the configuration, never from the peer: the connector decides who a peer is.
package struct AgentName: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let description: String

    /// - Throws: `invalidValue`.
    package init(_ text: String) throws(BackupError) {
        let isFine = text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isFine, (1...64).contains(text.utf8.count), text.first != "." else { throw .agentName(text) }
        description = text
    }

    package static func < (left: AgentName, right: AgentName) -> Bool { left.description < right.description }
}
