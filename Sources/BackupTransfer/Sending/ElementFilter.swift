package import BackupModel
import BackupStorage

/// Which elements a policy is about. Everything that is set must hold.
///
/// What lies in an attic passes only where ``sources`` names it, with a pattern that begins with `/attic/`: what one
/// agent has given up is not passed on to others, nor put into their attics, by accident.
package struct ElementFilter: Sendable, Hashable {
    /// The source matches one of these; empty: any source.
    package var sources: [SourcePattern] = []
    /// Empty: both types.
    package var types: Set<BackupType> = []
    /// The element has one of these `HandlingPolicy` tags; empty: any element.
    package var handlingPolicies: Set<String> = []
    /// Bytes of the data, at most; `nil`: any size.
    package var maximumSize: Int64?
    /// The element is not older than this; `nil`: any age.
    package var newerThan: TimeSpan?

    /// What lies in an attic passes as everything else does.
    package var includesAttic = false

    package init() {}

    /// Whether an element passes.
    package func passes(
        _ source: SourceURL, _ metadata: ElementMetadata, size: Int64, now: Timestamp
    ) -> Bool { refusal(source, metadata, size: size, now: now) == nil }

    /// Why an element does not pass, as the end of a sentence; `nil` when it does.
    package func refusal(_ source: SourceURL, _ metadata: ElementMetadata, size: Int64, now: Timestamp) -> String? {
        if !includesAttic, Attic.contains(source), !sources.contains(where: Attic.isMeant) {
            return "it lies in the attic, and the sources of the filter do not name that"
        }
        if !sources.isEmpty, !sources.contains(where: { $0.matches(source) }) {
            return "its source is not among those of the filter"
        }
        if !types.isEmpty, !types.contains(metadata.type) { return "its type is not \(list(types.map(\.rawValue)))" }
        if !handlingPolicies.isEmpty, handlingPolicies.isDisjoint(with: metadata.handlingPolicies) {
            return "it has none of the handling policies \(list(Array(handlingPolicies)))"
        }
        if let maximumSize, size > maximumSize { return "it has \(size) bytes, more than max_size" }
        if let newerThan, metadata.timestamp < now - newerThan { return "it is older than \(newerThan)" }
        return nil
    }

    private func list(_ names: [String]) -> String { names.sorted().joined(separator: " or ") }
}
