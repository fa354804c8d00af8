import BackupModel

/// What decoding a tree yields besides the settings: errors, and every value with its origin in the order of
/// reading.
final class DecodeContext {
    /// After that many errors the rest is noise.
    private static let maximumErrors = 20

    private(set) var errors: [BackupError] = []
    private(set) var settings: [RecordedSetting] = []

    var isFull: Bool { errors.count >= Self.maximumErrors }

    func add(_ error: BackupError) {
        if !isFull { errors.append(error) }
    }

    func record(_ path: [String], _ value: RenderedValue, _ origin: Origin) {
        settings.append(RecordedSetting(path: path, value: value, origin: origin))
    }
}

/// Reads the keys of one map. The keys that were asked for are the keys that are known, so that no second list of
/// them exists; ``finish()`` refuses the others.
///
/// An error is kept in the context and reading goes on, with the default or nil in place of the value.
final class ConfigReader {
    let context: DecodeContext
    let path: [String]
    /// Where the map begins, or the map around it where this one is not written.
    let origin: Origin
    private let entries: [ConfigNode.Entry]
    private var asked: [String] = []
    /// The value is no map: then nothing is missing in it.
    private let isBroken: Bool

    /// - Parameter node: nil where the key of the map is not written; that is an empty map.
    init(_ node: ConfigNode?, path: [String], origin: Origin, context: DecodeContext) {
        self.context = context
        self.path = path
        self.origin = origin
        entries = node?.entries ?? []
        isBroken = node != nil && node?.entries == nil
        if isBroken, let node {
            context.add(.config(at: node.origin, path, "expected a map, found \(node.summary)"))
        }
    }

    /// The keys of the map as they are written.
    var keys: [String] { entries.map(\.key) }

    /// The entry for `key`, which is known from now on.
    func take(_ key: String) -> ConfigNode.Entry? {
        if !asked.contains(key) { asked.append(key) }
        return entries.first { $0.key == key }
    }

    /// The map below `key`; an empty one where it is not written.
    func section(_ key: String) -> ConfigReader {
        let entry = take(key)
        return ConfigReader(entry?.value, path: path + [key], origin: entry?.origin ?? origin, context: context)
    }

    /// The map below `key`, or nil where it is not written or `none`.
    func optionalSection(_ key: String) -> ConfigReader? {
        guard let entry = take(key), !entry.value.isNone else {
            let entry = take(key)
            context.record(path + [key], .word("none"), entry?.origin ?? .builtIn)
            return nil
        }
        return section(key)
    }

    /// The maps of the list below `key`, each with its index as path; none where it is not written.
    ///
    /// - Parameter example: such a list, for the message where it is none.
    func list(_ key: String, _ expected: String, example: String) -> [ConfigReader] {
        let entry = take(key)
        guard let entry, !entry.value.isNothing else {
            context.record(path + [key], .list([]), entry?.origin ?? .builtIn)
            return []
        }
        guard case .list(let items) = entry.value.content else {
            report(
                key, "expected \(expected), found \(entry.value.summary)",
                remedy: "write for example \(key): \(example), or [] for none")
            return []
        }
        context.record(path + [key], items.isEmpty ? .list([]) : .maps, entry.origin)
        return items.enumerated().map { index, item in
            ConfigReader(item, path: path + [key, "[\(index)]"], origin: item.origin, context: context)
        }
    }

    /// The value of `key`, or `default` where it is not written.
    func read<Value>(_ key: String, _ kind: ValueKind<Value>, default: Value) -> Value {
        guard let entry = take(key) else {
            context.record(path + [key], kind.render(`default`), .builtIn)
            return `default`
        }
        return parse(entry, kind) ?? `default`
    }

    /// The value of `key`, or nil where it is not written or `none`.
    func readOptional<Value>(_ key: String, _ kind: ValueKind<Value>) -> Value? {
        guard let entry = take(key), !entry.value.isNone else {
            let entry = take(key)
            context.record(path + [key], .word("none"), entry?.origin ?? .builtIn)
            return nil
        }
        return parse(entry, kind)
    }

    /// The value of `key`; nil, with an error kept, where it is not written or wrong.
    func readRequired<Value>(_ key: String, _ kind: ValueKind<Value>, remedy: String = "") -> Value? {
        guard let entry = take(key) else {
            reportMissing(key, expected: kind.expected, remedy: remedy)
            return nil
        }
        return parse(entry, kind)
    }

    /// Keeps the error that `key` is not written.
    func reportMissing(_ key: String, expected: String, remedy: String) {
        guard !isBroken else { return }
        context.add(.configMissingKey(path + [key], at: origin, expected: expected, remedy: remedy))
    }

    /// Keeps an error about `key`, or about the map itself where nobody wrote that key.
    func report(_ key: String, _ problem: String, remedy: String = "") {
        let origin = entries.first { $0.key == key }?.value.origin ?? origin
        context.add(.config(at: origin, path + [key], problem, remedy: remedy))
    }

    /// Keeps an error about the map as a whole.
    func report(_ problem: String, remedy: String) {
        guard !isBroken else { return }
        context.add(.config(at: origin, path, problem, remedy: remedy))
    }

    /// Refuses `key`, which is known, where it is written.
    func refuse(_ key: String, _ problem: String, remedy: String) {
        guard let entry = take(key) else { return }
        context.add(.config(at: entry.origin, path + [key], problem, remedy: remedy))
    }

    /// Refuses the keys that were not asked for.
    func finish() {
        for entry in entries where !asked.contains(entry.key) {
            if context.isFull { return }
            context.add(.configUnknownKey(path + [entry.key], at: entry.origin, known: asked))
        }
    }

    private func parse<Value>(_ entry: ConfigNode.Entry, _ kind: ValueKind<Value>) -> Value? {
        let path = path + [entry.key]
        do throws(ValueProblem) {
            let value = try kind.parse(entry.value)
            context.record(path, kind.render(value), entry.origin)
            return value
        } catch {
            let index = error.item.map { ["[\($0.index)]"] } ?? []
            let origin = error.item?.origin ?? entry.value.origin
            context.add(.config(at: origin, path + index, error.message, remedy: error.remedy))
            return nil
        }
    }
}
