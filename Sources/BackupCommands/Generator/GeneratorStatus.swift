import ArgumentParser
import BackupEngine
import BackupModel
import BackupUnits

/// `gb generator status`.
struct GeneratorStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show whether a generator is at work, and how each source's last run ended.",
        discussion:
            "Exit code 0: the last run of every source went well; 1: a source has failed since its last element.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption

    func run() async throws {
        let installation = try common.installation()
        let overview = try await GeneratorOverview.asking(installation)
        if json.isOn {
            printJSON(overview)
        } else {
            printText(overview)
        }
        try Report.errors(overview.errors, json: json.isOn)
        let hasFailed =
            overview.sources.contains { $0.lastFailure != nil } || overview.waiting.contains { $0.lastFailure != nil }
        if hasFailed { throw ExitCode(ExitStatus.failed) }
    }

    private func printText(_ overview: GeneratorOverview) {
        switch overview.runningProcess {
        case nil: Output.standard.line("No generator is at work.")
        case let process?:
            Output.standard.line("A generator is at work\(process.isEmpty ? "" : ": process \(process)").")
        }
        var table = Table(["SOURCE", "LAST ELEMENT", "TYPE", "SIZE", "NEXT", "STATE"], rightAligned: [3])
        for source in overview.sources {
            table.add(
                Self.row(
                    source.next.source, source.lastStored, "\(source.next.type) \(source.next.due)",
                    source.lastFailure, good: source.lastStored == nil ? "" : "good"))
        }
        for waiting in overview.waiting {
            table.add(
                Self.row(
                    waiting.source.source, waiting.lastStored, "look \(waiting.source.next)", waiting.lastFailure,
                    good: "waits"))
        }
        table.print()
        let failures =
            overview.sources.map { ($0.next.source, $0.lastFailure) }
            + overview.waiting.map { ($0.source.source, $0.lastFailure) }
        for (source, failure) in failures {
            guard let failure else { continue }
            Output.standard.line("\(source): \(failure.text)")
        }
        for waiting in overview.waiting.map(\.source) {
            Output.standard.line("\(waiting.source) waits: \(waiting.reason)")
        }
        for notice in overview.notices { Output.warning(notice) }
    }

    private static func row(
        _ source: SourceURL, _ stored: GeneratorOverview.Event?, _ next: String, _ failure: GeneratorOverview.Event?,
        good: String
    ) -> [String] {
        [
            source.description, stored?.time ?? "never", stored?.type ?? "",
            stored?.size.map { ByteCount($0).description } ?? "", next,
            failure.map { "failed \($0.time)" } ?? good,
        ]
    }

    private func printJSON(_ overview: GeneratorOverview) {
        let process: JSONValue = overview.runningProcess.map { .string($0) } ?? .null
        for source in overview.sources {
            Output.standard.json([
                "unit": .string(source.next.unit), "source": .string(source.next.source.description),
                "next": .string(source.next.due.description), "next_type": .string(source.next.type.rawValue),
                "generator_process": process, "last_element": Self.json(source.lastStored),
                "last_failure": Self.json(source.lastFailure),
            ])
        }
        for waiting in overview.waiting {
            Output.standard.json([
                "unit": .string(waiting.source.unit), "source": .string(waiting.source.source.description),
                "next": .string(waiting.source.next.description), "next_type": .null,
                "waits_for": .string(waiting.source.reason), "generator_process": process,
                "last_element": Self.json(waiting.lastStored), "last_failure": Self.json(waiting.lastFailure),
            ])
        }
    }

    private static func json(_ event: GeneratorOverview.Event?) -> JSONValue {
        guard let event else { return .null }
        var object: JSONObject = [
            "time": .string(event.time), "type": .string(event.type), "text": .string(event.text),
        ]
        object["size"] = event.size.map { .integer($0) }
        return .object(object)
    }
}
