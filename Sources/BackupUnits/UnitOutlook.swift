package import BackupModel

/// What a unit has to do, and what it cannot do yet.
package struct UnitOutlook: Sendable {
    /// One entry for each source that can be run when it is due.
    package var runs: [ScheduledRun] = []
    /// Sources of which nothing can be run, one entry each; only units that find their sources have such.
    package var waiting: [WaitingSource] = []
    /// What an administrator should know, sentences that say so in the same words as long as it is so.
    package var notices: [String] = []
    /// What keeps a part of the unit from working.
    package var problems: [BackupError] = []
    /// When the unit looks for work again; `nil` for units whose runs tell.
    package var nextLook: Timestamp?

    package init(runs: [ScheduledRun] = []) { self.runs = runs }
}

/// A source that has nothing to be run now.
package struct WaitingSource: Sendable, Hashable {
    package let unit: String
    package let source: SourceURL
    /// When it is looked at again.
    package let next: Timestamp
    /// What it waits for, in words.
    package let reason: String
}
