import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Dispatch
import Glibc
import Synchronization
import Testing

/// No peer makes memory grow, whatever it sends or does not read. Each test has a process of its own.
@Suite(.serialized) struct MemoryBoundTests {
    /// Bytes beyond what a quiet process takes; the same for all.
    static let bound = 64 << 20

    @Test func `A million offers of zero bytes, all refused`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                // Without optimisation a tenth shows the same.
                #if DEBUG
                    let pages = 100
                #else
                    let pages = 1000
                #endif
                let pair = try TransferPair(directory)
                let counter = RefusalCounter()
                var receiver = ReceiverPolicy()
                receiver.quotaElements = 10
                let context = try TransferPair.context(receiver: receiver)
                let growth = try await ProcessFacts.growth {
                    let met = try await pair.meet(.right, context, observer: counter) { peer throws(BackupError) in
                        var page = 0
                        try peer.serve { method, request throws(BackupError) in
                            switch method {
                            case "getPolicyInfo": return HostileSender.policy
                            case "listElements":
                                page += 1
                                let entries = (0..<1000).map {
                                    #"{"id":"\#(page)-\#($0)","source":"/a","info":{"BackupType":"full","#
                                        + #""Timestamp":1,"DataUuid":"\#(1_000_000 + page)\#(10000 + $0)"},"size":0}"#
                                }
                                let next = page == pages ? "null" : "\"\(page)\""
                                return RawFrame.bytes(
                                    "R", #"{"elements":[\#(entries.joined(separator: ","))],"next":\#(next)}"#)
                            case "confirmElements": return RawFrame.bytes("R", #"{"released": [], "kept": []}"#)
                            default: return RawFrame.bytes("R")
                            }
                        }
                    }
                    #expect(met.outcome.failure == nil)
                    #expect(met.outcome.summary.offered == pages * 1000)
                    #expect(met.outcome.summary.stored == 10)
                    #expect(met.outcome.summary.refused == pages * 1000 - 10)
                }
                #expect(growth < MemoryBoundTests.bound, "\(growth >> 20) MiB")
                #expect((1...1000).contains(counter.count), "the log is not flooded")
                #expect(try await pair.right.inventory().count == 10)
                try await pair.expectWorks()
            }
        }
    }

    @Test func `A stream without end in version 1, where no size is told`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let pair = try TransferPair(directory)
                var receiver = ReceiverPolicy()
                receiver.maximumElementSize = 128 << 20
                let context = try TransferPair.context(receiver: receiver)
                let growth = try await ProcessFacts.growth {
                    let met = try await pair.meet(.right, context) { peer throws(BackupError) in
                        let info = #"["/a", "{\"BackupType\": \"full\", \"Timestamp\": 1}", null]"#
                        let part = RawFrame.bytes("P", [UInt8](repeating: 1, count: 65536))
                        try peer.serve { method, _ throws(BackupError) in
                            switch method {
                            case "getPolicyInfo": return RawFrame.bytes("R", "\"SenderMoveDataTransferPolicy\"")
                            case "nextDataElement": return RawFrame.bytes("R", "true")
                            case "getDataElementInfo": return RawFrame.bytes("R", info)
                            case "getDataElementStream":
                                while try peer.send(part) {}
                                return nil
                            default: return RawFrame.bytes("R")
                            }
                        }
                    }
                    #expect(met.outcome.failure?.code == .policyViolation)
                    #expect(met.outcome.failure?.remedy.contains("element_bytes") == true)
                }
                #expect(growth < MemoryBoundTests.bound, "\(growth >> 20) MiB")
                #expect(try await pair.right.inventory().holds(exactly: [:]))
                try await pair.expectWorks()
            }
        }
    }

    @Test func `An element in version 1 that the quota has no room for is dropped while it comes`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let pair = try TransferPair(directory)
                var receiver = ReceiverPolicy()
                receiver.quotaBytes = 1 << 20
                let context = try TransferPair.context(receiver: receiver)
                let growth = try await ProcessFacts.growth {
                    let met = try await pair.meet(.right, context) { peer throws(BackupError) in
                        let part = RawFrame.bytes("P", [UInt8](repeating: 1, count: 65536))
                        var (offered, confirmed, onDisk) = (0, [Bool?](), 0)
                        try peer.serve { method, request throws(BackupError) in
                            switch method {
                            case "getPolicyInfo": return RawFrame.bytes("R", "\"SenderMoveDataTransferPolicy\"")
                            case "nextDataElement":
                                confirmed.append(request.arrayValue?.last?.boolValue)
                                offered += 1
                                return RawFrame.bytes("R", offered <= 2 ? "true" : "false")
                            case "getDataElementInfo":
                                let info = #"{\"BackupType\": \"full\", \"Timestamp\": \#(offered)}"#
                                return RawFrame.bytes("R", #"["/a", "\#(info)", null]"#)
                            case "getDataElementStream" where offered == 1:
                                for _ in 0..<4096 where try !peer.send(part) { return nil }
                                peer.waitUntilRead()
                                onDisk = directory.names("right.partial").count { $0.hasSuffix(".partial") }
                                return RawFrame.bytes("R")
                            case "getDataElementStream": return HostileSender.stream([1])
                            default: return RawFrame.bytes("R")
                            }
                        }
                        return (confirmed, onDisk)
                    }
                    #expect(met.outcome.failure == nil)
                    #expect(met.value.0 == [true, false, true])
                    #expect(met.value.1 == 0)
                    #expect(met.outcome.summary.refused == 1)
                }
                #expect(growth < MemoryBoundTests.bound, "\(growth >> 20) MiB")
                #expect(Array(try pair.right.contents().values) == [[1]])
            }
        }
    }

    @Test func `A stream that comes byte by byte`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let pair = try TransferPair(directory)
                let data = [UInt8](repeating: 1, count: 200_000)
                let entry = HostileSender.entry("a", "/a", data)
                let context = try TransferPair.context(receiver: ReceiverPolicy())
                let growth = try await ProcessFacts.growth {
                    let met = try await pair.meet(.right, context) { peer throws(BackupError) in
                        let sender = HostileSender(entries: [entry]) { _, _ in
                            _ = try? peer.send(RawFrame.bytes("P", length: UInt32(data.count)))
                            for byte in data.prefix(50_000) {
                                _ = try? peer.send([byte])
                                peer.waitUntilRead()
                            }
                            return Array(data.dropFirst(50_000)) + RawFrame.bytes("R")
                        }
                        return try sender.serve(peer)
                    }
                    #expect(met.outcome.failure == nil)
                    #expect(met.value == ["a"])
                }
                #expect(growth < MemoryBoundTests.bound, "\(growth >> 20) MiB")
            }
        }
    }

    @Test func `Requests whose answers nobody reads`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            for number in 0..<300 {
                try pair.left.store(SourceURL("/host1/root\(number)"), data: [UInt8(number & 255)])
            }
            var limits = PeerConnection.Limits()
            limits.stallTimeout = TimeSpan(seconds: 2)
            let policy = CountingPolicy()
            let context = try TransferPair.context(sender: policy, limits: limits)
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                try peer.greet()
                var pages = 0
                while !peer.isAbandoned, pages < 100 {
                    try peer.send("S", #"["listElements", {"after": null, "limit": 300}]"#)
                    // Not read, but waited for: the policy is asked for each page.
                    while !peer.isAbandoned, policy.asked < (pages + 1) * 300 { usleep(1000) }
                    pages += 1
                }
                return pages
            }
            // 130 KB each: what the sockets take, and a megabyte.
            #expect(met.value < 50)
            #expect(met.outcome.failure?.code == .timedOut)
        }
    }

    @Test func `Large requests that wait behind a stream nobody reads`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let element = try pair.left.store(SourceURL("/large"), data: [UInt8](repeating: 1, count: 16 << 20))
            let context = try TransferPair.context(sender: pair.movePolicy)
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                try peer.greet()
                try peer.send("S", #"["readElement", {"id": "\#(element.id)", "offset": 0}]"#)
                let request = RawFrame.bytes("S", String(repeating: " ", count: 1 << 20))
                var count = 0
                while count < 31, try peer.send(request) { count += 1 }
                while !peer.isAbandoned { usleep(1000) }
                return count
            }
            #expect(met.outcome.failure?.code == .untrusted)
            #expect(met.value < 10)
        }
    }

    @Test(arguments: ["[", "{}, ", "[0], ", #"{"a":0}, "#, "1,", "\"\\u0000\","])
    func `Requests and pages that are full of small things`(piece: String) async {
        await #expect(processExitsWith: .success) { [piece] in
            try await withTemporaryDirectory { directory in
                let pair = try TransferPair(directory)
                // Brackets are refused at once, the others only at the end.
                let count = piece == "[" ? 10 : 3
                let text = "[" + String(repeating: piece, count: (1 << 20) / piece.utf8.count - 2)
                let context = try TransferPair.context(sender: pair.movePolicy)
                let growth = try await ProcessFacts.growth {
                    let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                        try peer.greet()
                        var answers: [Character] = []
                        for _ in 0..<count { if let answer = try peer.ask(text) { answers.append(answer.end.type) } }
                        return answers
                    }
                    #expect(met.value == Array(repeating: "E", count: count))
                }
                // A number of one digit takes 32 bytes, and an array that grows is there twice for a moment.
                #expect(growth < 2 * MemoryBoundTests.bound, "\(growth >> 20) MiB")
            }
        }
    }

    @Test func `Offers with large metadata that wait to be put in order`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let pair = try TransferPair(directory)
                var receiver = ReceiverPolicy()
                receiver.order = .endangeredFirst
                let context = try TransferPair.context(receiver: receiver)
                let growth = try await ProcessFacts.growth {
                    let met = try await pair.meet(.right, context) { peer throws(BackupError) in
                        let filling = String(repeating: "a", count: 900_000)
                        var page = 0
                        try peer.serve { method, _ throws(BackupError) in
                            switch method {
                            case "getPolicyInfo": return HostileSender.policy
                            case "listElements":
                                page += 1
                                let info = #"{"BackupType": "full", "Timestamp": \#(page), "X": "\#(filling)"}"#
                                let entry = HostileSender.entry("\(page)", source: "/a", info: info, size: "1")
                                let next = page == 120 ? "null" : "\"\(page)\""
                                return RawFrame.bytes("R", #"{"elements": [\#(entry)], "next": \#(next)}"#)
                            case "readElement": return HostileSender.failure
                            default: return RawFrame.bytes("R")
                            }
                        }
                    }
                    #expect(met.outcome.failure == nil)
                    #expect(met.outcome.summary.refused == 120)
                }
                #expect(growth < MemoryBoundTests.bound, "\(growth >> 20) MiB")
            }
        }
    }

    @Test func `Transactions that are begun and never used start no threads`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let pair = try TransferPair(directory)
                for number in 0..<300 { try pair.left.store(SourceURL("/host1/root\(number)")) }
                let policy = CountingPolicy(isOffering: false)
                let met = try await pair.meet(.left, try TransferPair.context(sender: policy)) {
                    peer throws(BackupError) in
                    try peer.greet()
                    for _ in 0..<1000 { _ = try peer.ask(#"["startTransaction", null]"#) }
                    return policy.asked
                }
                #expect(met.value == 0)
            }
        }
    }
}

/// Counts how often it is asked.
private final class CountingPolicy: SenderPolicy {
    let name = "counting"
    let hidesConfirmed = false
    let filter = ElementFilter()
    let prioritise: [String] = []
    private let isOffering: Bool
    private let count = Atomic<Int>(0)

    init(isOffering: Bool = true) { self.isOffering = isOffering }

    var asked: Int { count.load(ordering: .relaxed) }

    func offers(_ element: StoredElement, to agent: AgentName) -> Bool {
        count.add(1, ordering: .relaxed)
        return isOffering
    }

    func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] {
        confirmed.map { _ in .kept }
    }
}

/// Counts refusals, and keeps none.
private final class RefusalCounter: TransferObserver {
    private let number = Atomic<Int>(0)

    var count: Int { number.load(ordering: .relaxed) }

    func transferDid(_ event: TransferEvent) {
        if case .refused = event { number.add(1, ordering: .relaxed) }
    }
}
