import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Synchronization
import Testing

@Suite struct ConnectionFloodTests {
    @Test func `Of a thousand connections sixteen are served, and afterwards a good peer is`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                ProcessFacts.raiseFileLimit()
                let pair = try TransferPair(directory)
                try pair.left.store(SourceURL("/host1/root"))
                let path = directory.path("socket")
                let agent = pair.agent(.left)
                let reports = Mutex(0)
                let context = try TransferPair.context(sender: pair.movePolicy)
                try await withService(
                    path, context, agent, maximumConnections: 16, report: { _ in reports.withLock { $0 += 1 } }
                ) {
                    let files = ProcessFacts.openFiles
                    let clients = try await BlockingThread.run("gb test peers") { () throws(BackupError) in
                        var clients: [RawPeer] = []
                        for _ in 0..<1000 { clients.append(try RawPeer(path: path)) }
                        return clients
                    }
                    #expect(try await eventually { clients.count { $0.isAbandoned } == 984 })
                    #expect(agent.status.count == 16)
                    for client in clients { client.close() }
                    // The pools may have opened a few for themselves.
                    #expect(try await eventually { agent.status.isEmpty && ProcessFacts.openFiles <= files + 8 })
                    #expect((1...10).contains(reports.withLock { $0 }), "one line for all that came at once")
                    let held = try await BlockingThread.run("gb test peer") { () throws(BackupError) in
                        var original = OriginalPeer(held: [])
                        _ = original.run(over: try RawPeer(path: path))
                        return original.held?.count
                    }
                    #expect(held == 1)
                }
                let connections = pair.leftEvents.events.count { if case .connected = $0 { true } else { false } }
                #expect(connections == 17)
                #expect(try await pair.left.inventory().holds(exactly: [:]))
            }
        }
    }
}
