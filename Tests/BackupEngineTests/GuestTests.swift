import BackupModel
import BackupTestKit
import BackupTransfer
import Testing

@testable import BackupEngine

/// Which rights somebody has who comes in over standard input and output.
@Suite struct GuestTests {
    private func policy(_ name: String?, _ transfer: String) throws -> String? {
        try withTemporaryDirectory { place in
            let site = try Site(place)
            try site.configure(other: "transfer:\n" + transfer)
            let host = try TransferHost(try site.installation(), software: "test", logger: nil)
            return try host.contextOfGuest(name).senderPolicy?.name
        }
    }

    @Test func aListenerWithoutAPathCountsFirst() throws {
        let listeners = """
              listeners:
                - { agent: a, path: /s, sender: { policy: move } }
                - { agent: a, sender: { policy: keep } }
                - { agent: b, path: /t, sender: { policy: move } }
              peers:
                - { agent: a, command: [sh], sender: { policy: copies, copies: 1 } }
                - { agent: c, command: [sh], sender: { policy: copies, copies: 1 } }
            """
        #expect(try policy("a", listeners) == "keep")
        #expect(try policy("b", listeners) == "move")
        #expect(try policy("c", listeners) == "copies")
        for name in ["d", nil] {
            let error = try #require(throws: BackupError.self) { try policy(name, listeners) }
            #expect(error.code == (name == nil ? .usage : .notFound))
            #expect(error.remedy.contains("a, b, c"))
        }
        #expect(try policy(nil, "  listeners: [{ agent: a, sender: { policy: keep } }]") == "keep")
    }
}
