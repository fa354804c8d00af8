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
        let overview = try GeneratorOverview(installation)
        if json.isOn {
            printJSON(overview)
        } else {
            printText(overview)
        }
        try Report.errors(overview.errors, json: json.isOn)
        if overview.sources.contains(where: { $0.lastFailure != nil }) { throw ExitCode(ExitStatus.failed) }
    }

    private func printText(_ overview: GeneratorOverview) {
        switch overview.runningProcess {
        case nil: Output.standard.line("No generator is at work.")
        case let process?:
            Output.standard.line("A generator is at work\(process.isEmpty ? "" : ": process \(process)").")
        }
        var table = Table(["SOURCE", "LAST ELEMENT", "TYPE", "SIZE", "NEXT", "STATE"], rightAligned: [3])
        for source in overview.sources {
            table.add([
                source.next.source.description, source.lastStored?.time ?? "never", source.lastStored?.type ?? "",
                source.lastStored?.size.map { ByteCount($0).description } ?? "",
                "\(source.next.type) \(source.next.due)",
                source.lastFailure.map { "failed \($0.time)" } ?? (source.lastStored == nil ? "" : "good"),
            ])
        }
        table.print()
        for source in overview.sources {
            guard let failure = source.lastFailure else { continue }
            Output.standard.line("\(source.next.source): \(failure.text)")
        }
    }

    private func printJSON(_ overview: GeneratorOverview) {
        for source in overview.sources {
            var object: JSONObject = [
                "unit": .string(source.next.unit), "source": .string(source.next.source.description),
                "next": .string(source.next.due.description), "next_type": .string(source.next.type.rawValue),
                "generator_process": overview.runningProcess.map { .string($0) } ?? .null,
            ]
            object["last_element"] = Self.json(source.lastStored)
            object["last_failure"] = Self.json(source.lastFailure)
            Output.standard.json(object)
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
