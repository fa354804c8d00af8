import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

/// A peer that does not want the rest of a stream, section 9 of the protocol document.
@Suite struct AbortTests {
    private static func read(_ element: StoredElement) -> String {
        #"["readElement", {"id": "\#(element.id)", "offset": 0}]"#
    }

    @Test func `A stream ends where the peer aborts it, and the next ones come whole`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            // Far more than what is on its way between the two.
            let large = try pair.left.store(SourceURL("/large"), data: [UInt8](repeating: 7, count: 64 << 20))
            let small = try pair.left.store(SourceURL("/small"), data: [UInt8](repeating: 8, count: 600_000))
            let context = try TransferPair.context(sender: SenderKeepDataTransferPolicy())
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                try peer.greet()
                try peer.send("S", Self.read(large))
                while let frame = try peer.next(), frame.type != "P" {}
                try peer.send("A")
                peer.waitUntilRead()
                var rest = 0
                var end: RawFrame?
                while let frame = try peer.next() {
                    end = frame
                    guard frame.type == "P" else { break }
                    rest += frame.payload.count
                }
                let next = try peer.ask(Self.read(small))
                // Its stream has ended: it is ignored.
                try peer.send("A")
                return (
                    rest: rest, end: end, next: next?.stream.count, last: try peer.ask(Self.read(small))?.stream.count
                )
            }
            #expect(met.value.rest < 32 << 20)
            #expect(met.value.end == RawFrame(type: "R", payload: []))
            #expect(met.value.next == 600_000)
            #expect(met.value.last == 600_000)
        }
    }
}
