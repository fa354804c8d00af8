import ArgumentParser
import BackupEngine
import BackupModel
import BackupRestore
import BackupStorage

/// `gb restore list`.
struct RestoreList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the sources, or the points in time that one source can be brought back to.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption
    @Argument(help: ArgumentHelp("A source URL; default: an overview of all.", valueName: "SOURCE")) var source: String?

    func run() async throws {
        let storage = try common.installation().storage()
        if let source {
            try points(of: try SourceURL(source), storage)
        } else {
            try overview(storage)
        }
    }

    private func overview(_ storage: DefaultFileStorage) throws(BackupError) {
        var table = Table(["SOURCE", "POINTS", "FIRST", "LAST", "SIZE"], rightAligned: [1, 4])
        try storage.forEachSource(matching: nil) { source throws(BackupError) in
            var count = 0
            var size: Int64 = 0
            var first: Timestamp?
            var last: Timestamp?
            try storage.forEachElement(of: source) { listed throws(BackupError) in
                guard case .element(let element) = listed else { return }
                count += 1
                size += element.size
                first = min(first ?? element.metadata.timestamp, element.metadata.timestamp)
                last = max(last ?? element.metadata.timestamp, element.metadata.timestamp)
            }
            guard let first, let last else { return }
            if json.isOn {
                Output.standard.json([
                    "source": .string(source.description), "points": .integer(count),
                    "first": .string(first.description), "last": .string(last.description), "size": .integer(size),
                ])
            } else {
                table.add([
                    source.description, String(count), first.description, last.description, ByteCount(size).description,
                ])
            }
        }
        table.print()
    }

    private func points(of source: SourceURL, _ storage: DefaultFileStorage) throws {
        let (usable, damaged) = try storage.elements(of: source)
        guard !usable.isEmpty || !damaged.isEmpty else {
            // The plan knows the words for a source that is not there.
            _ = try RestorePlan(storage, source: source, at: nil)
            return
        }
        let chain = ElementChain(source: source, usable)
        var table = Table(["TIME", "TYPE", "READS", "ELEMENT"], rightAligned: [2])
        for element in chain.elements {
            let plan = try? RestorePlan(chain, target: element)
            if json.isOn {
                Output.standard.json([
                    "time": .string(element.metadata.timestamp.description),
                    "type": .string(element.metadata.type.rawValue), "element": .string(element.id.description),
                    "restorable": .bool(plan != nil), "reads": plan.map { .integer($0.size) } ?? .null,
                ])
            } else {
                table.add([
                    element.metadata.timestamp.description, element.metadata.type.rawValue,
                    plan.map { ByteCount($0.size).description } ?? "a gap", element.id.description,
                ])
            }
        }
        table.print()
        try Report.errors(damaged.map(\.1), json: json.isOn)
    }
}
