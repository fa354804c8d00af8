/// Whether an element stands alone or needs those before it.
package enum BackupType: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// A restore can start here.
    case full
    /// Holds the changes since its predecessor.
    case inc

    package var description: String { rawValue }
}
