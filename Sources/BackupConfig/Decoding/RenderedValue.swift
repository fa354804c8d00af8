/// A value as `show` writes it.
enum RenderedValue: Sendable, Hashable {
    /// A word that YAML and ``ConfigReader`` read back as what it is: a number, `true`, `none`, a duration.
    case word(String)
    /// A text; quoted where it must be.
    case text(String)
    case list([String])
    /// A list of maps. Their values follow, each map below a key of its own.
    case maps
    /// `{}`
    case emptyMap
}

/// One value that was read, or the default that stands for it: the lines of `show`.
struct RecordedSetting: Sendable, Hashable {
    let path: [String]
    let value: RenderedValue
    let origin: Origin
}
