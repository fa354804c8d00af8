package import BackupModel
package import BackupStorage

/// The elements of one package state in a storage.
package struct PackageStateSource: Sendable {
    package let source: SourceURL
    /// Those that can be used, in the order of their chain.
    package let elements: [StoredElement]
    package let damaged: [(ElementID, BackupError)]

    /// `nil` where the source holds something else.
    init?(_ source: SourceURL, in storage: any ElementStorage) throws(BackupError) {
        let (usable, damaged) = try storage.elements(of: source)
        guard usable.contains(where: \.isPackageState) else { return nil }
        self.source = source
        self.damaged = damaged
        elements = ElementChain(source: source, usable).elements
    }

    /// The UUID of the machine whose packages they are, as the newest element that knows it says.
    package var machine: String? { elements.last { $0.metadata.origin?.machine != nil }?.metadata.origin?.machine }

    /// How a refusal names it.
    var summary: String {
        "\(source) (machine \(machine.map(\.escapedForMessage) ?? "not registered"), newest of "
            + "\(elements[elements.count - 1].metadata.timestamp))"
    }

    // MARK: - Choosing

    /// All of them: sources called `state`, as the unit names them, that hold what it makes.
    static func all(in storage: any ElementStorage) throws(BackupError) -> [PackageStateSource] {
        var sources: [SourceURL] = []
        try storage.forEachSource(matching: SourcePattern("**/state")) { sources.append($0) }
        var found: [PackageStateSource] = []
        for source in sources {
            if let state = try PackageStateSource(source, in: storage) { found.append(state) }
        }
        return found
    }

    /// The one that is meant.
    ///
    /// - Parameters:
    ///   - source: `nil` where it was not named.
    ///   - machine: of which it must be; `nil` for any.
    /// - Throws: `notFound` when there is none; `usage` when it could be one of several.
    package static func choose(
        in storage: any ElementStorage, source: SourceURL?, machine: MachineID?
    ) throws(BackupError) -> PackageStateSource {
        if let source {
            if let state = try PackageStateSource(source, in: storage) { return state }
            throw .noPackageState(source, others: try all(in: storage).map(\.summary))
        }
        let states = try all(in: storage)
        guard !states.isEmpty else { throw .noPackageStates() }
        guard let machine else {
            guard states.count == 1 else { throw .severalPackageStates(states.map(\.summary), options: options) }
            return states[0]
        }
        let own = states.filter { $0.machine?.lowercased() == machine.description }
        guard let first = own.first else { throw .noStateOfMachine(machine.description, states.map(\.summary)) }
        guard own.count == 1 else { throw .severalPackageStates(own.map(\.summary), options: "`--source`") }
        return first
    }

    private static let options = "`--source` or `--machine`"

    /// The one that tells of the packages of the machine that a source was made on.
    ///
    /// - Throws: `notFound` when there is none; `usage` when it could be one of several, or is of another machine.
    package static func choose(
        in storage: any ElementStorage, for source: SourceURL
    ) throws(BackupError) -> PackageStateSource {
        let states = try all(in: storage)
        guard !states.isEmpty else { throw .noPackageStatesForRestore() }
        // That of the newest element: several chains may overlap, and that is the one that a restore takes.
        let elements = ElementChain(source: source, try storage.elements(of: source).usable).elements
        let newest = elements.filter { $0.metadata.origin?.machine != nil }
            .max { $0.metadata.timestamp < $1.metadata.timestamp }
        let machine = newest?.metadata.origin?.machine?.lowercased()
        let own = states.filter { machine != nil && $0.machine?.lowercased() == machine }
        if own.count == 1 { return own[0] }
        if own.isEmpty, states.count == 1 {
            // Nobody says that it is another's.
            guard let machine, states[0].machine != nil else { return states[0] }
            throw .stateOfOther(states[0].summary, source, machine)
        }
        throw .severalPackageStates((own.isEmpty ? states : own).map(\.summary), options: "`--packages-from`")
    }
}

extension StoredElement {
    /// What the unit for packages says in the first entry of the pipeline.
    private var packageStage: JSONObject? {
        guard let first = metadata.pipeline?.first, first.stage == "packages" else { return nil }
        return first.other
    }

    /// Whether its changes are all that the log had when it was made, whatever was read of it before.
    var isFromBeginning: Bool { packageStage?["FromBeginning"] == .bool(true) }

    var isPackageState: Bool { packageStage?["Product"]?.stringValue == "state" }

    /// The version of the form of its lines, where it is newer than this program.
    var newerSchema: Int64? {
        guard let schema = packageStage?["Schema"]?.integerValue, schema > 1 else { return nil }
        return schema
    }
}
