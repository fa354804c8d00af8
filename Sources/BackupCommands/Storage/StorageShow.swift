import ArgumentParser
import BackupEngine
import BackupModel
import BackupRestore
import BackupStorage

/// `gb storage show`.
struct StorageShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show everything that is known of one element.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption
    @Argument(help: ArgumentHelp("As `gb storage list` prints it.", valueName: "ELEMENT")) var element: String

    func run() async throws {
        let installation = try common.installation()
        let storage = try installation.storage()
        let element = try storage.element(try ElementID(element))
        let signature = installation.signatureStatement(of: element)
        var attributes = JSONObject()
        for name in try storage.attributes(of: element.id) {
            guard let value = try storage.attribute(name, of: element.id) else { continue }
            attributes[name.description] = .string(String(decoding: value, as: UTF8.self))
        }
        if json.isOn {
            var object = element.json
            object["attributes"] = .object(attributes)
            object["signature"] = signature.json
            return Output.standard.json(object)
        }
        show(element, attributes, signature, storage.localPath(of: element.id))
    }

    private func show(
        _ element: StoredElement, _ attributes: JSONObject, _ signature: SignatureStatement, _ path: String?
    ) {
        let metadata = element.metadata
        var lines: [(String, String)] = [
            ("element", element.id.description), ("source", element.id.source.description),
            ("type", metadata.type.rawValue), ("time", metadata.timestamp.description),
            ("size", "\(ByteCount(element.size)) (\(element.size) bytes)"),
        ]
        if let path { lines.append(("data", path)) }
        if let uuid = metadata.uuid { lines.append(("uuid", uuid.base64)) }
        lines.append(("predecessor", metadata.predecessor?.base64 ?? "none: the first of its chain"))
        if let checksum = metadata.checksum { lines.append(("sha512", Base64.encode(checksum))) }
        lines.append(("signature", signature.text))
        if !metadata.handlingPolicies.isEmpty {
            lines.append(("policies", metadata.handlingPolicies.joined(separator: ", ")))
        }
        if let origin = metadata.origin {
            let parts = [origin.unit.map { "unit \($0)" }, origin.software, origin.machine.map { "machine \($0)" }]
            lines.append(("origin", parts.compactMap { $0?.escapedForMessage }.joined(separator: ", ")))
        }
        for stage in metadata.pipeline ?? [] {
            let undo = stage.restore.map { " (undone by: \($0.joined(separator: " ").escapedForMessage))" } ?? ""
            let version = stage.version.map { " \($0.escapedForMessage)" } ?? ""
            let file = stage.other["File"]?.stringValue.map { " \($0.escapedForMessage)" } ?? ""
            lines.append(("stage", stage.stage.escapedForMessage + file + version + undo))
        }
        if let hint = element.hint { lines.append(("hint", hint)) }
        for (name, value) in attributes.members.sorted(by: { $0.key < $1.key }) {
            lines.append(("attribute", "\(name) = \((value.stringValue ?? "").escapedForMessage)"))
        }
        for (name, value) in lines {
            Output.standard.line(name + String(repeating: " ", count: 13 - name.count) + value)
        }
    }
}
