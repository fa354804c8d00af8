import BackupModel

/// What one round of fetching came to.
package struct RoundSummary: Sendable, Hashable {
    /// Elements offered by the agent.
    package var offered = 0
    /// Elements stored here in this round, and their bytes.
    package var stored = 0
    package var bytes: Int64 = 0
    /// Elements that were here already.
    package var present = 0
    /// Elements that another connection is fetching, or that were offered twice.
    package var underWay = 0
    /// Elements that the filter of this side does not want.
    package var unwanted = 0
    /// Elements that the agent has deleted since it offered them, perhaps since another connection had fetched them.
    package var vanished = 0
    /// Elements that were refused or could not be read, with the first few reasons.
    package var refused = 0
    package var reasons: [String] = []
    /// Those among the refused whose bytes or metadata are not what they must be.
    package var damaged = 0
    /// Those among the refused for which the storage has no room.
    package var withoutRoom = 0

    package init() {}

    static let maximumReasons = 20

    mutating func refuse(_ element: String, _ error: BackupError) {
        refused += 1
        if error.code == .damaged || error.code == .untrusted { damaged += 1 }
        if reasons.count < Self.maximumReasons { reasons.append("\(element): \(error)") }
    }
}
