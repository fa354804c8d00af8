import BackupConfig
import BackupModel
import Testing

@Suite struct TransferConfigurationTests {
    static let everything = """
        pipeline: { encryption: none }
        storage: { directory: /d }
        transfer:
          agent: here.example_1-a
          partial_maximum_age: 3d
          parallel_peers: 64
          limits:
            element_bytes: 1T
            elements_per_round: 5000
            idle_timeout: 2min
            stall_timeout: 30s
            frame_length: 64Ki
            open_requests: 8
            json_depth: 16
            elements_per_page: 100
            page_size: 32k
          listeners:
            - agent: offsite
              path: /run/gb/offsite.socket
              mode: "0660"
              owner: backup
              group: 34
              allowed_uids: [0, 993]
              maximum_connections: 2
              sender:
                policy: copies
                copies: 2
                release: true
                forget_agent_after: 30d
                require_receipts: [0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567]
                sources: [/host1, "/host2/*"]
                types: [full]
                handling_policies: [keep long]
                max_size: 500G
                newer_than: 1w
                prioritise: [urgent, restore_proof]
              bandwidth:
                - { rate: 1000 }
                - { rate: 64Mi, from: "22:00", to: 06:30 }
            - { agent: done, path: /run/gb/done.socket, sender: { policy: move, mark_as_done: true } }
            - { agent: gone, path: /run/gb/gone.socket, sender: { policy: move }, receiver: none }
          peers:
            - agent: web1
              command: [ssh, -T, backup@web1]
              every: 1h
              jitter: 10min
              run_conditions: { minimum_uptime: 5min }
              retry_after: 10s
              retry_at_most: 2h
              timeouts: { idle: 1min, stall: 1h }
              receiver:
                policy: mirror
                delete_after: 90d
                sources: ["**/log"]
                prefix: /web1
                quota: { bytes: 500G, elements: 100000 }
                require_signature: [0x89abcdef0123456789abcdef0123456789abcdef]
                require_chain: true
                order: endangered_first
                sign_receipts: 89ABCDEF0123456789ABCDEF0123456789ABCDEF
            - { agent: web2, socket: /run/web2.socket, at: ["14:00", "02:05", "14:00"], receiver: { policy: store } }
            - { agent: stick, directory: /media/stick, sender: { policy: keep }, retry_after: 2h }
        """

    /// An empty section and empty lists say nothing.
    static let plainest = "pipeline: { encryption: none }\ntransfer: { listeners: , peers: [], limits: }\n"

    private static let fingerprint = "89ABCDEF0123456789ABCDEF0123456789ABCDEF"
    private static let noFilter = FilterSettings(
        sources: [], types: [], handlingPolicies: [], maximumSize: nil, newerThan: nil)

    private static func transfer(_ main: String) throws -> TransferSettings {
        try TemporaryConfiguration(main: main).load().main.transfer
    }

    private static func span(_ text: String) throws -> TimeSpan { try TimeSpan(parsing: text) }

    @Test(arguments: [TemporaryConfiguration.plainMain, plainest, "transfer:\n" + TemporaryConfiguration.plainMain])
    func theShortestConfigurationHasTheDocumentedDefaults(main: String) throws {
        let limits = TransferLimitSettings(
            elementBytes: nil, elementsPerRound: 2_000_000, idleTimeout: TimeSpan(seconds: 600),
            stallTimeout: TimeSpan(seconds: 300), frameLength: 1_048_576, openRequests: 32, jsonDepth: 32,
            elementsPerPage: 1000, pageSize: 524_288)
        let expected = TransferSettings(
            agent: nil, listeners: [], peers: [], partialMaximumAge: TimeSpan(seconds: 14 * 86400), parallelPeers: 4,
            limits: limits)
        #expect(try Self.transfer(main) == expected)
    }

    @Test func everyKeyOfTheSectionIsTaken() throws {
        let transfer = try Self.transfer(Self.everything)
        #expect(transfer.agent == "here.example_1-a")
        #expect(transfer.partialMaximumAge == (try Self.span("3d")))
        #expect(transfer.parallelPeers == 64)
        #expect(
            transfer.limits
                == TransferLimitSettings(
                    elementBytes: 1_000_000_000_000, elementsPerRound: 5000, idleTimeout: try Self.span("2min"),
                    stallTimeout: try Self.span("30s"), frameLength: 65536, openRequests: 8, jsonDepth: 16,
                    elementsPerPage: 100, pageSize: 32000))
        #expect(transfer.listeners.map(\.agent) == ["offsite", "done", "gone"])
        #expect(transfer.peers.map(\.agent) == ["web1", "web2", "stick"])
    }

    @Test func everyKeyOfAListenerIsTaken() throws {
        let filter = FilterSettings(
            sources: [try SourcePattern("/host1"), try SourcePattern("/host2/*")], types: [.full],
            handlingPolicies: ["keep long"], maximumSize: 500_000_000_000, newerThan: try Self.span("1w"))
        let sender = SenderSettings(
            policy: .copies(count: 2, release: true, forgetAgentAfter: try Self.span("30d")),
            requireReceipts: ["0123456789ABCDEF0123456789ABCDEF01234567"], filter: filter,
            prioritise: ["urgent", "restore_proof"])
        let from = try #require(TimeOfDay(hour: 22, minute: 0))
        let to = try #require(TimeOfDay(hour: 6, minute: 30))
        let expected = ListenerSettings(
            agent: "offsite", path: "/run/gb/offsite.socket", mode: 0o660, owner: .name("backup"), group: .id(34),
            allowedUIDs: [0, 993], sender: sender, receiver: nil,
            bandwidth: [
                BandwidthWindow(rate: 1000, from: nil, to: nil), BandwidthWindow(rate: 64 << 20, from: from, to: to),
            ], maximumConnections: 2)
        #expect(try Self.transfer(Self.everything).listeners.first == expected)
    }

    @Test func aListenerHasTheDocumentedDefaults() throws {
        let listeners = try Self.transfer(Self.everything).listeners.dropFirst()
        func listener(_ name: String, markAsDone: Bool) -> ListenerSettings {
            let sender = SenderSettings(
                policy: .move(markAsDone: markAsDone), requireReceipts: [], filter: Self.noFilter, prioritise: [])
            return ListenerSettings(
                agent: name, path: "/run/gb/\(name).socket", mode: 0o600, owner: nil, group: nil, allowedUIDs: nil,
                sender: sender, receiver: nil, bandwidth: [], maximumConnections: 16)
        }
        #expect(Array(listeners) == [listener("done", markAsDone: true), listener("gone", markAsDone: false)])
    }

    @Test func pathsOfSocketsAreAsLongAsTheSystemTakesThem() throws {
        func path(_ length: Int) -> String { "/" + String(repeating: "s", count: length - 1) }
        func decode(listener: Int, peer: Int) throws -> TransferSettings {
            try Self.transfer(
                TemporaryConfiguration.plainMain
                    + "transfer: { listeners: [{ agent: a, path: \(path(listener)), sender: { policy: keep } }], "
                    + "peers: [{ agent: b, socket: \(path(peer)), sender: { policy: keep } }] }\n")
        }
        #expect(try decode(listener: 106, peer: 107).listeners.first?.path == path(106))
        #expect(throws: (any Error).self) { _ = try decode(listener: 107, peer: 107) }
        #expect(throws: (any Error).self) { _ = try decode(listener: 106, peer: 108) }
    }

    @Test func aListenerWithoutAPathIsNoSocket() throws {
        let main =
            TemporaryConfiguration.plainMain
            + "transfer: { listeners: [{ agent: a, sender: { policy: keep } }, { agent: b, path: none, "
            + "receiver: { policy: store } }, { agent: a, path: /s, sender: { policy: move } }] }\n"
        let loaded = try TemporaryConfiguration(main: main).load()
        let listeners = loaded.main.transfer.listeners
        #expect(listeners.map(\.agent) == ["a", "b", "a"])
        #expect(listeners.map(\.path) == [nil, nil, "/s"])
        let sender = SenderSettings(policy: .keep, requireReceipts: [], filter: Self.noFilter, prioritise: [])
        #expect(
            listeners.first
                == ListenerSettings(
                    agent: "a", path: nil, mode: 0o600, owner: nil, group: nil, allowedUIDs: nil, sender: sender,
                    receiver: nil, bandwidth: [], maximumConnections: 16))
        // What is shown can be read again: nothing is said of a socket that is not there.
        let shown = try TemporaryConfiguration(main: loaded.show(unit: nil, explain: false)).load()
        #expect(shown.main.transfer.listeners == listeners)
    }

    @Test func everyKeyOfAPeerIsTaken() throws {
        let filter = FilterSettings(
            sources: [try SourcePattern("**/log")], types: [], handlingPolicies: [], maximumSize: nil, newerThan: nil)
        let receiver = ReceiverSettings(
            policy: .mirror(deleteAfter: try Self.span("90d")), filter: filter, prefix: try SourceURL("/web1"),
            quotaBytes: 500_000_000_000, quotaElements: 100_000, requireSignature: [Self.fingerprint],
            requireChain: true, order: .endangeredFirst, signReceipts: Self.fingerprint)
        let expected = PeerSettings(
            agent: "web1", connection: .command(["ssh", "-T", "backup@web1"]), schedule: .every(try Self.span("1h")),
            jitter: try Self.span("10min"),
            runConditions: RunConditionSettings(minimumUptime: try Self.span("5min"), loadBelow: nil),
            retryAfter: try Self.span("10s"), retryAtMost: try Self.span("2h"), sender: nil, receiver: receiver,
            bandwidth: [],
            timeouts: TransferTimeoutSettings(idle: try Self.span("1min"), stall: try Self.span("1h")))
        #expect(try Self.transfer(Self.everything).peers.first == expected)
    }

    @Test func aPeerHasTheDocumentedDefaults() throws {
        let peers = try Self.transfer(Self.everything).peers
        let receiver = ReceiverSettings(
            policy: .store, filter: Self.noFilter, prefix: nil, quotaBytes: nil, quotaElements: nil,
            requireSignature: [], requireChain: false, order: .chain, signReceipts: nil)
        let times = [try #require(TimeOfDay(hour: 2, minute: 5)), try #require(TimeOfDay(hour: 14, minute: 0))]
        // The timeouts are those of the limits.
        let timeouts = TransferTimeoutSettings(idle: try Self.span("2min"), stall: try Self.span("30s"))
        let expected = PeerSettings(
            agent: "web2", connection: .socket("/run/web2.socket"), schedule: .at(times), jitter: .zero,
            runConditions: nil, retryAfter: try Self.span("1min"), retryAtMost: try Self.span("1h"), sender: nil,
            receiver: receiver, bandwidth: [], timeouts: timeouts)
        #expect(peers.dropFirst().first == expected)
        let stick = try #require(peers.last)
        #expect(stick.connection == .directory("/media/stick"))
        #expect(stick.schedule == .never)
        #expect(stick.sender?.policy == .keep)
        #expect(stick.retryAtMost == (try Self.span("2h")), "never less than retry_after")
    }

    @Test(arguments: [
        ("\"0600\"", 0o600), ("0600", 0o600), ("600", 0o600), ("'660'", 0o660), ("0000", 0), ("777", 0o777),
    ])
    func aModeIsOctalWithQuotesAndWithout(text: String, mode: UInt32) throws {
        let main =
            TemporaryConfiguration.plainMain
            + "transfer: { listeners: [{ agent: a, path: /s, mode: \(text), sender: { policy: keep } }] }\n"
        #expect(try Self.transfer(main).listeners.map(\.mode) == [mode])
    }

    @Test func aSmallFrameHasASmallPage() throws {
        let limits = try Self.transfer(
            TemporaryConfiguration.plainMain + "transfer: { limits: { frame_length: 4Ki } }\n"
        ).limits
        #expect(limits.frameLength == 4096)
        #expect(limits.pageSize == 2048)
    }

    /// A connection carries both directions, so that one machine can be listener and peer.
    @Test func anAgentMayBeListenerAndPeer() throws {
        let policies = "sender: { policy: keep }, receiver: { policy: store }"
        let main = """
            pipeline: { encryption: none }
            transfer:
              listeners: [{ agent: a, path: /s/a, \(policies) }, { agent: a, path: /s/b, \(policies) }]
              peers: [{ agent: a, socket: /s/c, \(policies) }]
            """
        let transfer = try Self.transfer(main)
        #expect(transfer.listeners.map(\.agent) + transfer.peers.map(\.agent) == ["a", "a", "a"])
    }

    @Test func explainNamesTheLineOfEachValueOfAList() throws {
        let directory = try TemporaryConfiguration(
            main: """
                pipeline: { encryption: none }
                transfer:
                  listeners:
                    - agent: a
                      path: /s
                      allowed_uids: [1]
                      sender:
                        policy: move
                      bandwidth:
                        - rate: 10M
                        - { rate: 1M,
                            from: 08:00, to: "18:00" }
                """)
        let shown = try directory.load().show(unit: nil, explain: true).replacing(directory.directory, with: "ETC")
        let listeners = shown.split(separator: "\n").drop { !$0.hasPrefix("  listeners:") }
            .prefix { !$0.hasPrefix("  peers:") }
        #expect(
            listeners.joined(separator: "\n")
                == """
                  listeners:  # ETC/config:3
                    - agent: a  # ETC/config:4
                      path: /s  # ETC/config:5
                      mode: 0600  # default
                      owner: none  # default
                      group: none  # default
                      allowed_uids: [1]  # ETC/config:6
                      sender:
                        policy: move  # ETC/config:8
                        mark_as_done: false  # default
                        require_receipts: []  # default
                        sources: none  # default
                        types: none  # default
                        handling_policies: none  # default
                        max_size: none  # default
                        newer_than: none  # default
                        prioritise: []  # default
                      receiver: none  # default
                      bandwidth:  # ETC/config:9
                        - rate: 10M  # ETC/config:10
                          from: none  # default
                          to: none  # default
                        - rate: 1M  # ETC/config:11
                          from: "08:00"  # ETC/config:12
                          to: "18:00"  # ETC/config:12
                      maximum_connections: 16  # default
                """)
    }

    @Test func aUnitCanSignWithAKeyOfItsOwn() throws {
        let directory = try TemporaryConfiguration(
            main: "pipeline: { encryption: none, signing: { key: \(Self.fingerprint) } }\n")
        let sources = "sources: { /a: { root: /, full_timing: { min: 1d, max: 2d } } }\n"
        try directory.unit("A", definition: "unit: tar\npipeline: { signing: none }\n" + sources)
        try directory.unit("B", definition: "unit: tar\n" + sources.replacing("/a", with: "/b"))
        let units = try directory.load().units
        #expect(units.map(\.pipeline.signing) == [nil, Self.fingerprint])
    }
}
