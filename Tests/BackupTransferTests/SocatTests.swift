import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Glibc
import NIOPosix
import Synchronization
import Testing

/// `socat` between the socket of an original and ours: how the original's documentation connects two machines.
@Suite struct SocatTests {
    @Test func `An original behind socat fetches and brings over one connection`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var random = SeededGenerator()
            let ours = try OriginalPeerTests.elements(60, largest: 1 << 20, prefix: "/ours", &random)
            let theirs = try OriginalPeerTests.elements(60, largest: 1 << 20, prefix: "/theirs", &random)
            try OriginalPeerTests.fill(pair.left, ours)
            var filter = ElementFilter()
            filter.sources = [try SourcePattern("/ours")]
            let move = SenderMoveDataTransferPolicy(pair.left, ledger: CopyLedger(pair.left), filter: filter)
            let context = try TransferPair.context(sender: move, receiver: ReceiverPolicy())
            let path = directory.path("ours.socket")
            let theirPath = directory.path("theirs.socket")
            var original = OriginalPeer(offers: theirs, held: [])
            let listening = try Self.listen(theirPath)
            try await withService(path, context, pair.agent(.left)) {
                for round in 0...5 {
                    let isLast = round == 5
                    let budget = isLast ? nil : Int.random(in: 1...1_000_000, using: &random)
                    let socat = try ToolRun.spawn([
                        "socat", "-lf", "/dev/null", "UNIX-CONNECT:\(path)", "UNIX-CONNECT:\(theirPath)",
                    ])
                    let before = original
                    let (after, ending) = try await BlockingThread.run("gb test peer") { () throws(BackupError) in
                        var original = before
                        let ending = original.run(over: try RawPeer(try Self.accept(listening)), budget: budget)
                        ToolRun.reap(socat)
                        return (original, ending)
                    }
                    original = after
                    try await pair.leftEvents.waitUntilIdle()
                    #expect(ending == .agreed || (ending == .cut && !isLast), "round \(round), \(random.comment)")
                }
            }
            #expect(Set(original.held ?? []) == Set(ours), random.comment)
            #expect(original.held?.count == ours.count)
            #expect(original.offers == [])
            let expected = OriginalPeerTests.named(theirs)
            #expect(try await pair.left.inventory().holds(exactly: expected), random.comment)
        }
    }

    static func listen(_ path: String) throws(BackupError) -> OwnedDescriptor {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let socket = OwnedDescriptor(
            try systemCall("create", "a socket") { Glibc.socket(AF_UNIX, type, 0) }, name: path)
        let raw = socket.raw
        _ = try systemCall("bind", path) { withSocketAddress(path) { bind(raw, $0, $1) } }
        _ = try systemCall("listen on", path) { Glibc.listen(raw, 8) }
        return socket
    }

    static func accept(_ socket: OwnedDescriptor) throws(BackupError) -> OwnedDescriptor {
        var entry = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, CInt(RawPeer.patience * 1000)) == 1 else {
            throw BackupError(.timedOut, "nobody connects")
        }
        let raw = socket.raw
        return OwnedDescriptor(
            try systemCall("accept on", socket.name) { Glibc.accept(raw, nil, nil) }, name: "a guest")
    }
}

/// Runs `body` while a service listens on `path`.
func withService(
    _ path: String, _ context: TransferContext, _ agent: TransferAgent, maximumConnections: Int = 16,
    report: @escaping @Sendable (BackupError) -> Void = { _ in }, _ body: () async throws -> Void
) async throws {
    let listener = SocketConnectorService.Listener(path: path, maximumConnections: maximumConnections)
    let service = SocketConnectorService(listener, context, agent, on: .singleton, report: report)
    let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
    let running = Task { () -> BackupError? in
        defer { isReady.finish() }
        do throws(BackupError) {
            try await service.run { isReady.yield() }
            return nil
        } catch {
            return error
        }
    }
    for await _ in ready { break }
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    running.cancel()
    let failure = await running.value
    try result.get()
    #expect(failure == nil)
}
