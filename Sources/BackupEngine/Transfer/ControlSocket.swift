import BackupConfig
package import BackupModel
import BackupSystem
import BackupTransfer
import Glibc
import NIOCore
import NIOPosix

/// Tells whoever asks how the running service stands: `<runtime>/control.socket`, mode 0600. Who connects gets one line of
/// JSON and the end of the stream; nothing is read.
package struct ControlSocket: Sendable {
    private let host: TransferHost

    init(_ host: TransferHost) { self.host = host }

    package static func path(_ installation: Installation) -> String {
        installation.main.general.runtimeDirectory + "/control.socket"
    }

    func serve() async throws {
        try host.installation.makeRuntimeDirectory()
        let listener = SocketConnectorService.Listener(path: Self.path(host.installation))
        let host = host
        try await LineServer(listener, on: host.eventLoops).run {
            JSONValue.object(Self.status(host)).compactText + "\n"
        }
    }

    static func status(_ host: TransferHost) -> JSONObject {
        let connections = host.agent.status.map { connection -> JSONValue in
            .object([
                "agent": .string(connection.agent.description), "via": .string(connection.via),
                "since": .string(connection.since.description),
            ])
        }
        return ["process": .integer(getpid()), "connections": .array(connections)]
    }

    /// What the running service says; `nil` when none answers.
    package static func ask(_ installation: Installation) async -> JSONObject? {
        guard let text = await LineServer.ask(path(installation), on: MultiThreadedEventLoopGroup.singleton) else {
            return nil
        }
        return try? JSONParser.parse(text).objectValue
    }
}
