import ArgumentParser
import BackupEngine
import BackupModel
import BackupRestore
import BackupStorage

/// `gb restore list`.
struct RestoreList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the sources, or the points in time that one source can be brought back to."
    )

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

    /// What is known of one source while its elements pass.
    private struct Summary {
        let source: SourceURL
        var count = 0
        var size: Int64 = 0
        var first: Timestamp
        var last: Timestamp
    }

    private func overview(_ storage: DefaultFileStorage) throws(BackupError) {
        var summaries: [Summary] = []
        try storage.forEachElement(matching: nil, links: Output.warning) { source, listed throws(BackupError) in
            guard case .element(let element) = listed else { return }
            let time = element.metadata.timestamp
            // All elements of a source come one after the other.
            if summaries.last?.source != source { summaries.append(Summary(source: source, first: time, last: time)) }
            let index = summaries.count - 1
            summaries[index].count += 1
            summaries[index].size += element.size
            summaries[index].first = min(summaries[index].first, time)
            summaries[index].last = max(summaries[index].last, time)
        }
        var table = Table(["SOURCE", "POINTS", "FIRST", "LAST", "SIZE"], rightAligned: [1, 4])
        for summary in summaries {
            if json.isOn {
                Output.standard.json([
                    "source": .string(summary.source.description), "points": .integer(summary.count),
                    "first": .string(summary.first.description), "last": .string(summary.last.description),
                    "size": .integer(summary.size),
                ])
            } else {
                table.add([
                    summary.source.description, String(summary.count), summary.first.description,
                    summary.last.description, ByteCount(summary.size).description,
                ])
            }
        }
        table.print()
    }

    private func points(of source: SourceURL, _ storage: DefaultFileStorage) throws {
        let (usable, damaged) = try storage.elements(of: source)
        guard !usable.isEmpty || !damaged.isEmpty else {
            // The plan knows the words for a source that is not there.
            _ = try RestorePlan(storage, source: source, at: .newest)
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
