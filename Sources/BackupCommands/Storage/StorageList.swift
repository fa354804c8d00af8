import ArgumentParser
import BackupEngine
import BackupModel
import BackupStorage

/// `gb storage list`.
struct StorageList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the elements of the storage, source by source.",
        discussion: "Exit code 0: good; 4: something is damaged, it is named; 66: no source matches --source.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var pattern: PatternOption
    @OptionGroup var json: JSONOption

    func run() async throws {
        let storage = try common.installation().storage()
        var damaged = 0
        var listedCount = 0
        try storage.forEachElement(matching: try pattern.resolve(), links: Output.warning) {
            _, listed throws(BackupError) in
            listedCount += 1
            switch listed {
            case .element(let element): show(element)
            case .damaged(_, let error):
                damaged += 1
                if json.isOn {
                    Output.standard.json(["error": error.json])
                } else {
                    Output.error("gb: error: \(error)")
                }
            }
        }
        try pattern.check(found: listedCount)
        if damaged > 0 { throw ExitCode(ExitStatus.damaged) }
    }

    private func show(_ element: StoredElement) {
        if json.isOn {
            Output.standard.json(element.json)
        } else {
            let size = ByteCount(element.size).description
            let padding = String(repeating: " ", count: max(0, 8 - size.count))
            let type = element.metadata.type == .full ? "full" : "inc "
            Output.standard.line("\(element.metadata.timestamp)  \(type)  \(padding)\(size)  \(element.id)")
        }
    }
}

extension StoredElement {
    /// As `--json` output shows it.
    var json: JSONObject {
        [
            "id": .string(id.description), "source": .string(id.source.description),
            "type": .string(metadata.type.rawValue), "time": .string(metadata.timestamp.description),
            "size": .integer(size), "info": .object(metadata.object),
        ]
    }
}
