extension ConfigNode {
    /// This tree with `upper` laid over it: maps merge key by key, everything else is replaced.
    ///
    /// Two cases need more: a map whose keys are all commented out (`pipeline:` with nothing below) takes nothing
    /// away, and `pipeline.compression` is a choice, where another kind replaces the one below it.
    func merged(with upper: ConfigNode, path: [String] = []) -> ConfigNode {
        guard case .map(let lower) = content else { return upper }
        if upper.isNothing { return self }
        guard case .map(let additions) = upper.content else { return upper }
        if path == ["pipeline", "compression"], isOtherChoice(lower, additions) { return upper }
        var result = lower
        for addition in additions {
            if let index = result.firstIndex(where: { $0.key == addition.key }) {
                let value = result[index].value.merged(with: addition.value, path: path + [addition.key])
                result[index] = Entry(key: addition.key, origin: addition.origin, value: value)
            } else {
                result.append(addition)
            }
        }
        return ConfigNode(content: .map(result), origin: upper.origin)
    }

    private func isOtherChoice(_ lower: [Entry], _ upper: [Entry]) -> Bool {
        func hasZstd(_ entries: [Entry]) -> Bool { entries.contains { $0.key == "zstd" } }
        return !upper.isEmpty && hasZstd(lower) != hasZstd(upper)
    }

    /// This map without the entries that `isDropped` chooses.
    func without(_ isDropped: (Entry) -> Bool) -> ConfigNode {
        guard case .map(let entries) = content else { return self }
        return ConfigNode(content: .map(entries.filter { !isDropped($0) }), origin: origin)
    }

    /// A map with these entries, or an empty one.
    static func map(_ entries: [Entry], origin: Origin) -> ConfigNode {
        ConfigNode(content: .map(entries), origin: origin)
    }
}
