import BackupConfig
import BackupModel
import Testing

/// Each wrong text of `transfer` with the message it must have.
@Suite struct InvalidTransferTests {
    typealias Case = InvalidFilesTests.Case

    /// The text is in line 2.
    @Test(arguments: sections) func section(_ invalid: Case) throws {
        #expect(try Self.error("transfer: { \(invalid.text) }\n") == invalid.message)
    }

    @Test(arguments: [
        ("mode", "\"0600\""), ("owner", "root"), ("group", "none"), ("allowed_uids", "[0]"),
        ("maximum_connections", "2"),
    ])
    func keyOfSocketWithoutPath(_ key: String, _ value: String) throws {
        let listener = "{ agent: a, sender: { policy: keep }, \(key): \(value) }"
        #expect(
            try Self.error("transfer: { listeners: [\(listener)] }\n") == """
                2:63: transfer.listeners[0].\(key): it has a meaning only together with path; add for example path: \
                /run/guerillabackup/NAME.socket, or remove \(key)
                """)
    }

    /// The text begins in column 1 of line 3.
    @Test(arguments: listeners) func listener(_ invalid: Case) throws {
        let policy = invalid.text.hasPrefix("sender") || invalid.text.hasPrefix("receiver")
        let rest = "agent: a, path: /s" + (policy ? "" : ", sender: { policy: keep }")
        #expect(try Self.error("transfer: { listeners: [{ \(rest),\n\(invalid.text) }] }\n") == invalid.message)
    }

    /// The text begins in column 1 of line 3.
    @Test(arguments: peers) func peer(_ invalid: Case) throws {
        let rest = "agent: a, command: [c], receiver: { policy: store }"
        #expect(try Self.error("transfer: { peers: [{ \(rest),\n\(invalid.text) }] }\n") == invalid.message)
    }

    private static func error(_ text: String) throws -> String {
        let error = try TemporaryConfiguration(main: TemporaryConfiguration.plainMain + text).mainError()
        return String(error.trimmingPrefix("ETC/config:"))
    }

    @Test func aUnitCannotTransfer() throws {
        let directory = try TemporaryConfiguration()
        try directory.unit("A", definition: "unit: tar\ntransfer: {}\nsources: {}\n")
        #expect(
            try directory.unitError("A").contains(
                "LIB/A:2:1: transfer: this key belongs in the main configuration, a unit cannot override it"))
    }

    static let sections = [
        Case(
            "listener: []",
            "2:13: transfer.listener: unknown key, did you mean \"listeners\"?"),
        Case(
            "listeners: {}",
            """
            2:24: transfer.listeners: expected a list of listeners, found a map; write for example \
            listeners: [{ agent: NAME, path: /run/guerillabackup/NAME.socket, sender: { policy: keep } }], \
            or [] for none
            """),
        Case(
            "listeners: { agent: a, path: /s }",
            """
            2:24: transfer.listeners: expected a list of listeners, found a map; write for example \
            listeners: [{ agent: NAME, path: /run/guerillabackup/NAME.socket, sender: { policy: keep } }], \
            or [] for none
            """),
        Case(
            "listeners: /run/s",
            """
            2:24: transfer.listeners: expected a list of listeners, found "/run/s"; write for example \
            listeners: [{ agent: NAME, path: /run/guerillabackup/NAME.socket, sender: { policy: keep } }], \
            or [] for none
            """),
        Case(
            "listeners: none",
            """
            2:24: transfer.listeners: expected a list of listeners, found "none"; write for example \
            listeners: [{ agent: NAME, path: /run/guerillabackup/NAME.socket, sender: { policy: keep } }], \
            or [] for none
            """),
        Case(
            "listeners: [/run/s]",
            "2:25: transfer.listeners[0]: expected a map, found \"/run/s\""),
        Case(
            "listeners: [[]]",
            "2:25: transfer.listeners[0]: expected a map, found a list"),
        Case(
            "listeners: [{}]",
            """
            2 errors in ETC/config:
              ETC/config:2:25: transfer.listeners[0].agent: the mandatory key is missing, expected the name of \
            an agent; name who comes in here
              ETC/config:2:25: transfer.listeners[0]: it has neither sender nor receiver, so that nothing can \
            be transferred; add sender: { policy: keep } to let it fetch from here, receiver: { policy: \
            store } to fetch from it, or both
            """),
        Case(
            "peers: [~]",
            """
            3 errors in ETC/config:
              ETC/config:2:21: transfer.peers[0].agent: the mandatory key is missing, expected the name of an \
            agent; choose a name for the machine at the other end
              ETC/config:2:21: transfer.peers[0]: it does not say how the peer is reached; write one of \
            socket: PATH, command: [ssh, -T, USER@HOST] and directory: PATH
              ETC/config:2:21: transfer.peers[0]: it has neither sender nor receiver, so that nothing can be \
            transferred; add sender: { policy: keep } to let it fetch from here, receiver: { policy: store } \
            to fetch from it, or both
            """),
        Case(
            "peers: [{ agent: a, receiver: { policy: store } }]",
            """
            2:21: transfer.peers[0]: it does not say how the peer is reached; write one of socket: PATH, \
            command: [ssh, -T, USER@HOST] and directory: PATH
            """),
        Case(
            "peers: [{ agent: a, socket: /s, command: [c], receiver: { policy: store } }]",
            """
            2:45: transfer.peers[0].command: socket and command exclude each other; a peer is reached in one \
            way: keep one of them
            """),
        Case(
            "peers: [{ agent: a, directory: /s, socket: /s, command: [c], receiver: { policy: store } }]",
            """
            2 errors in ETC/config:
              ETC/config:2:60: transfer.peers[0].command: socket and command exclude each other; a peer is \
            reached in one way: keep one of them
              ETC/config:2:33: transfer.peers[0].directory: socket and directory exclude each other; a peer is \
            reached in one way: keep one of them
            """),
        Case(
            "peers: [{ agent: a, socket: s, receiver: { policy: store } }]",
            """
            2:41: transfer.peers[0].socket: expected the absolute path of a socket, found "s"; a path here \
            begins with /
            """),
        Case(
            "peers: [{ agent: a, directory: ../stick, receiver: { policy: store } }]",
            """
            2:44: transfer.peers[0].directory: expected an absolute path, found "../stick"; a path here \
            begins with /
            """),
        Case(
            "peers: [{ agent: a, command: ssh backup@web1, receiver: { policy: store } }]",
            """
            2:42: transfer.peers[0].command: expected a list of a program and its arguments, found "ssh \
            backup@web1"; write [ ] around it
            """),
        Case(
            "peers: [{ agent: a, command: [], receiver: { policy: store } }]",
            """
            2:42: transfer.peers[0].command: expected a list of a program and its arguments, found an empty \
            list
            """),
        Case(
            "peers: [{ agent: a, command: [ssh, web1] }]",
            """
            2:21: transfer.peers[0]: it has neither sender nor receiver, so that nothing can be transferred; \
            add sender: { policy: keep } to let it fetch from here, receiver: { policy: store } to fetch \
            from it, or both
            """),
        Case(
            "peers: [{ agent: a, command: [ssh, web1], sender: none, receiver: none }]",
            """
            2:21: transfer.peers[0]: it has neither sender nor receiver, so that nothing can be transferred; \
            add sender: { policy: keep } to let it fetch from here, receiver: { policy: store } to fetch \
            from it, or both
            """),
        Case(
            "peers: [{ command: [c], sender: { policy: keep } }, { agent: \"\", command: [c], sender: { policy: keep } }]",
            """
            2 errors in ETC/config:
              ETC/config:2:21: transfer.peers[0].agent: the mandatory key is missing, expected the name of an \
            agent; choose a name for the machine at the other end
              ETC/config:2:74: transfer.peers[1].agent: expected the name of an agent, found the text ""; it \
            consists of 1 to 64 letters A-Z a-z, digits, - _ and .
            """),
        Case(
            "peers: [{ agent: a, command: [c], sender: { policy: keep } }, { agent: b, command: [c], sender: { policy: keep } }, { agent: a, command: [d], sender: { policy: keep } }]",
            """
            2:138: transfer.peers[2].agent: peers[0] is this agent already; give each peer a name of its \
            own, or remove one of the two
            """),
        Case(
            "listeners: [{ agent: a, path: /s }]",
            """
            2:25: transfer.listeners[0]: it has neither sender nor receiver, so that nothing can be \
            transferred; add sender: { policy: keep } to let it fetch from here, receiver: { policy: store } \
            to fetch from it, or both
            """),
        Case(
            "listeners: [{ agent: a, path: none, sender: { policy: keep } }, { agent: b, sender: { policy: keep } }, { agent: a, receiver: { policy: store } }]",
            """
            2:126: transfer.listeners[2].agent: listeners[0] is this agent already, without a path as this one; \
            give one of the two a path, or remove one
            """),
        Case(
            "listeners: [{ agent: a, path: run/s, sender: { policy: keep } }]",
            """
            2:43: transfer.listeners[0].path: expected the absolute path of a socket, found "run/s"; a path \
            here begins with /
            """),
        Case(
            "listeners: [{ agent: a, path: /run/, sender: { policy: keep } }]",
            """
            2:43: transfer.listeners[0].path: expected the absolute path of a socket, found "/run/"; leave \
            out the / at the end
            """),
        Case(
            "listeners: [{ agent: a, path: /sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss, sender: { policy: keep } }]",
            """
            2:43: transfer.listeners[0].path: expected the absolute path of a socket, found \
            "/sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"; \
            it has at most 106 bytes: choose a shorter path
            """),
        Case(
            "listeners: [{ agent: a, path: /s/a, sender: { policy: keep } }, { agent: b, path: /s//./a, sender: { policy: keep } }]",
            """
            2:95: transfer.listeners[1].path: listeners[0] has this path already, and by its socket an agent \
            is known; give each listener a path of its own
            """),
        Case(
            "listeners: [{ path: /s, sender: { policy: keep } }]",
            """
            2:25: transfer.listeners[0].agent: the mandatory key is missing, expected the name of an agent; \
            name who comes in here
            """),
        Case(
            "listeners: [{ agent: .a, path: /s, sender: { policy: keep } }]",
            """
            2:34: transfer.listeners[0].agent: expected the name of an agent, found ".a"; it begins with a \
            letter, a digit or _
            """),
        Case(
            "listeners: [{ agent: --a, path: /s, sender: { policy: keep } }]",
            """
            2:34: transfer.listeners[0].agent: expected the name of an agent, found "--a"; it begins with a \
            letter, a digit or _
            """),
        Case(
            "listeners: [{ agent: a/../b, path: /s, sender: { policy: keep } }]",
            """
            2:34: transfer.listeners[0].agent: expected the name of an agent, found "a/../b"; it consists of \
            1 to 64 letters A-Z a-z, digits, - _ and .
            """),
        Case(
            "listeners: [{ agent: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, path: /s, sender: { policy: keep } }]",
            """
            2:34: transfer.listeners[0].agent: expected the name of an agent, found \
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; it consists of 1 to 64 \
            letters A-Z a-z, digits, - _ and .
            """),
        Case(
            "agent: é",
            """
            2:20: transfer.agent: expected the name of an agent, found "é"; it consists of 1 to 64 letters \
            A-Z a-z, digits, - _ and .
            """),
        Case(
            "agent: a, listeners: [{ agent: a, path: /s, sender: { policy: keep } }]",
            """
            2:44: transfer.listeners[0].agent: a is this machine itself, as transfer.agent says; write the \
            name of the machine at the other end
            """),
        Case(
            "agent: a, peers: [{ agent: a, command: [c], sender: { policy: keep } }]",
            """
            2:40: transfer.peers[0].agent: a is this machine itself, as transfer.agent says; write the name \
            of the machine at the other end
            """),
        Case(
            "listeners: [{ agent: a, path: /s, sender: { policy: move } }], peers: [{ agent: b, socket: //s, receiver: { policy: store } }]",
            """
            2:104: transfer.peers[0].socket: on this path this machine itself listens, for the agent a; name \
            the socket of the other machine, or one that leads to it
            """),
        Case(
            "peers: [{ agent: a, directory: /var/lib/guerillabackup/data/, sender: { policy: move } }]",
            """
            2:44: transfer.peers[0].directory: it is one with the storage of this machine, \
            /var/lib/guerillabackup/data; name a directory apart from it, for example on a mounted stick
            """),
        Case(
            "peers: [{ agent: a, directory: /var/lib/guerillabackup/data/host1, sender: { policy: move } }]",
            """
            2:44: transfer.peers[0].directory: it is one with the storage of this machine, \
            /var/lib/guerillabackup/data; name a directory apart from it, for example on a mounted stick
            """),
        Case(
            "peers: [{ agent: a, directory: /, sender: { policy: move } }]",
            """
            2:44: transfer.peers[0].directory: it is one with the storage of this machine, \
            /var/lib/guerillabackup/data; name a directory apart from it, for example on a mounted stick
            """),
        Case(
            "partial_maximum_age: 0s",
            "2:34: transfer.partial_maximum_age: expected a duration above 0, found \"0s\""),
        Case(
            "parallel_peers: 65",
            "2:29: transfer.parallel_peers: expected a whole number from 1 to 64, found \"65\""),
        Case(
            "limits: { element_bytes: 0 }",
            "2:38: transfer.limits.element_bytes: expected a size above 0, found \"0\""),
        Case(
            "limits: { element_bytes: 1.5G }",
            """
            2:38: transfer.limits.element_bytes: expected a size above 0: "1.5G" is not a size; write a \
            number of bytes with an optional unit k M G T (1000) or Ki Mi Gi Ti (1024), for example 500G or \
            64Mi
            """),
        Case(
            "limits: { element_bytes: [1] }",
            "2:38: transfer.limits.element_bytes: expected a size above 0, found a list"),
        Case(
            "limits: { elements_per_round: 0 }",
            "2:43: transfer.limits.elements_per_round: expected a whole number, 1 or more, found \"0\""),
        Case(
            "limits: { frame_length: 4095 }",
            "2:37: transfer.limits.frame_length: expected a size from 4Ki to 1Mi, found \"4095\""),
        Case(
            "limits: { frame_length: 2M }",
            "2:37: transfer.limits.frame_length: expected a size from 4Ki to 1Mi, found \"2M\""),
        Case(
            "limits: { open_requests: 33 }",
            "2:38: transfer.limits.open_requests: expected a whole number from 1 to 32, found \"33\""),
        Case(
            "limits: { json_depth: 7 }",
            "2:35: transfer.limits.json_depth: expected a whole number from 8 to 256, found \"7\""),
        Case(
            "limits: { elements_per_page: 10001 }",
            """
            2:42: transfer.limits.elements_per_page: expected a whole number from 1 to 10000, found "10001"
            """),
        Case(
            "limits: { frame_length: 4Ki, page_size: 4097 }",
            """
            2:53: transfer.limits.page_size: 4097 bytes are more than frame_length, 4096; a page is sent in \
            one frame: expected is page_size <= frame_length
            """),
        Case(
            "limits: { page_size: 10 }",
            "2:34: transfer.limits.page_size: expected a size from 1Ki to 1Mi, found \"10\""),
        Case(
            "limits: { idle_timeout: 0s }",
            "2:37: transfer.limits.idle_timeout: expected a duration above 0, found \"0s\""),
        Case(
            "limits: { stall_timeout: 5 }",
            """
            2:38: transfer.limits.stall_timeout: expected a duration above 0: "5" is not a duration: the \
            number 5 has no unit; write numbers with the units s min h d w, added, for example 6d20h or \
            90min
            """),
        Case(
            "limits: { idle_time: 1h }",
            "2:23: transfer.limits.idle_time: unknown key, did you mean \"idle_timeout\"?"),
    ]

    static let listeners = [
        Case(
            "mode: 888",
            """
            3:7: transfer.listeners[0].mode: expected permissions as octal digits, found "888"; write three \
            digits from 0 to 7, with a 0 before them or without, for example "0660"
            """),
        Case(
            "mode: 00",
            """
            3:7: transfer.listeners[0].mode: expected permissions as octal digits, found "00"; write three \
            digits from 0 to 7, with a 0 before them or without, for example "0660"
            """),
        Case(
            "mode: \"4755\"",
            """
            3:7: transfer.listeners[0].mode: expected permissions as octal digits, found the text "4755"; \
            write three digits from 0 to 7, with a 0 before them or without, for example "0660"
            """),
        Case(
            "mode: 0o600",
            """
            3:7: transfer.listeners[0].mode: expected permissions as octal digits, found "0o600"; write \
            three digits from 0 to 7, with a 0 before them or without, for example "0660"
            """),
        Case(
            "mode: rw",
            """
            3:7: transfer.listeners[0].mode: expected permissions as octal digits, found "rw"; write three \
            digits from 0 to 7, with a 0 before them or without, for example "0660"
            """),
        Case(
            "mode: \"00600\"",
            """
            3:7: transfer.listeners[0].mode: expected permissions as octal digits, found the text "00600"; \
            write three digits from 0 to 7, with a 0 before them or without, for example "0660"
            """),
        Case(
            "owner: [a]",
            "3:8: transfer.listeners[0].owner: expected the name or number of a user, found a list"),
        Case(
            "owner: 4294967295",
            """
            3:8: transfer.listeners[0].owner: expected the name or number of a user, found "4294967295"
            """),
        Case(
            "owner: \"a:b\"",
            """
            3:8: transfer.listeners[0].owner: expected the name or number of a user, found the text "a:b"
            """),
        Case(
            "group: -x",
            "3:8: transfer.listeners[0].group: expected the name or number of a group, found \"-x\""),
        Case(
            "group: ",
            """
            3:9: transfer.listeners[0].group: expected the name or number of a group, found no value; give \
            it a value in quotes, or remove it
            """),
        Case(
            "allowed_uids: []",
            """
            3:15: transfer.listeners[0].allowed_uids: expected a list of at least one number of a user, \
            found an empty list
            """),
        Case(
            "allowed_uids: 993",
            """
            3:15: transfer.listeners[0].allowed_uids: expected a list of at least one number of a user, \
            found "993"; write [ ] around it
            """),
        Case(
            "allowed_uids: [993, backup]",
            """
            3:21: transfer.listeners[0].allowed_uids[1]: expected the number of a user, found "backup"; `id \
            -u NAME` shows the number of a user
            """),
        Case(
            "allowed_uids: [-1]",
            """
            3:16: transfer.listeners[0].allowed_uids[0]: expected the number of a user, found "-1"; `id -u \
            NAME` shows the number of a user
            """),
        Case(
            "maximum_connections: 0",
            """
            3:22: transfer.listeners[0].maximum_connections: expected a whole number from 1 to 1024, found \
            "0"
            """),
        Case(
            "bandwith: []",
            "3:1: transfer.listeners[0].bandwith: unknown key, did you mean \"bandwidth\"?"),
        Case(
            "bandwidth: 10M",
            """
            3:12: transfer.listeners[0].bandwidth: expected a list of rates, found "10M"; write for example \
            bandwidth: [{ rate: 10M }], or [] for none
            """),
        Case(
            "bandwidth: { rate: 10M }",
            """
            3:12: transfer.listeners[0].bandwidth: expected a list of rates, found a map; write for example \
            bandwidth: [{ rate: 10M }], or [] for none
            """),
        Case(
            "bandwidth: [{}]",
            """
            3:13: transfer.listeners[0].bandwidth[0].rate: the mandatory key is missing, expected a size \
            above 0; write bytes a second, for example rate: 10M
            """),
        Case(
            "bandwidth: [{ rate: 0 }]",
            "3:21: transfer.listeners[0].bandwidth[0].rate: expected a size above 0, found \"0\""),
        Case(
            "bandwidth: [{ rate: 10M/s }]",
            """
            3:21: transfer.listeners[0].bandwidth[0].rate: expected a size above 0: "10M/s" is not a size; \
            write a number of bytes with an optional unit k M G T (1000) or Ki Mi Gi Ti (1024), for example \
            500G or 64Mi
            """),
        Case(
            "bandwidth: [{ rate: 1M, from: \"08:00\" }]",
            """
            3:31: transfer.listeners[0].bandwidth[0].from: it has a meaning only together with to; add it, \
            or remove from for a rate that holds the whole day
            """),
        Case(
            "bandwidth: [{ rate: 1M, to: \"08:00\" }]",
            """
            3:29: transfer.listeners[0].bandwidth[0].to: it has a meaning only together with from; add it, \
            or remove to for a rate that holds the whole day
            """),
        Case(
            "bandwidth: [{ rate: 1M, from: 8:00, to: 10:00 }]",
            """
            3:31: transfer.listeners[0].bandwidth[0].from: expected a time of day, UTC, found "8:00"; write \
            hours and minutes with two digits each, from 00:00 to 23:59
            """),
        Case(
            "bandwidth: [{ rate: 1M, from: 08:00, to: 24:00 }]",
            """
            3:42: transfer.listeners[0].bandwidth[0].to: expected a time of day, UTC, found "24:00"; write \
            hours and minutes with two digits each, from 00:00 to 23:59
            """),
        Case(
            "bandwidth: [{ rate: 1M, from: 08:00, to: 12:60 }]",
            """
            3:42: transfer.listeners[0].bandwidth[0].to: expected a time of day, UTC, found "12:60"; write \
            hours and minutes with two digits each, from 00:00 to 23:59
            """),
        Case(
            "bandwidth: [{ rate: 1M, from: 08:00, to: 08:00 }]",
            """
            3:42: transfer.listeners[0].bandwidth[0].to: it is the same as from; remove both for a rate that \
            holds the whole day
            """),
        Case(
            "bandwidth: [{ rate: 1M }, { rate: 2M, from: 08:00, to: 09:00 }, { rate: 3M }]",
            """
            3:65: transfer.listeners[0].bandwidth[2]: another rate holds the whole day already; add from and \
            to, or remove one of the two
            """),
        Case(
            "bandwidth: [{ rate: 1M, until: 08:00 }]",
            """
            3:25: transfer.listeners[0].bandwidth[0].until: unknown key; the keys known here are rate, from, \
            to
            """),
        Case(
            "sender: {}",
            """
            3:1: transfer.listeners[0].sender.policy: the mandatory key is missing, expected one of move, \
            copies, keep; write policy: keep to keep what was fetched, move to delete it here, copies to \
            offer it until a number of machines have it
            """),
        Case(
            "sender: keep",
            "3:9: transfer.listeners[0].sender: expected a map, found \"keep\""),
        Case(
            "sender: { policy: copy }",
            """
            3:19: transfer.listeners[0].sender.policy: expected one of move, copies, keep, found "copy"
            """),
        Case(
            "sender: { policy: copies }",
            """
            3:1: transfer.listeners[0].sender.copies: the mandatory key is missing, expected a whole number \
            from 1 to 1000; say how many other machines must have each element
            """),
        Case(
            "sender: { policy: copies, copies: 0 }",
            """
            3:35: transfer.listeners[0].sender.copies: expected a whole number from 1 to 1000, found "0"
            """),
        Case(
            "sender: { policy: copies, copies: 1, mark_as_done: true }",
            """
            3:38: transfer.listeners[0].sender.mark_as_done: it has a meaning only with policy: move; remove \
            it, or write policy: move
            """),
        Case(
            "sender: { policy: move, copies: 1 }",
            """
            3:25: transfer.listeners[0].sender.copies: it has a meaning only with policy: copies; remove it, \
            or write policy: copies
            """),
        Case(
            "sender: { policy: keep, release: true }",
            """
            3:25: transfer.listeners[0].sender.release: it has a meaning only with policy: copies; remove \
            it, or write policy: copies
            """),
        Case(
            "sender: { policy: keep, forget_agent_after: 1d }",
            """
            3:25: transfer.listeners[0].sender.forget_agent_after: it has a meaning only with policy: \
            copies; remove it, or write policy: copies
            """),
        Case(
            "sender: { policy: copies, copies: 1, forget_agent_after: 0s }",
            """
            3:58: transfer.listeners[0].sender.forget_agent_after: expected a duration above 0, found "0s"
            """),
        Case(
            "sender: { policy: keep, require_receipts: [a@b] }",
            """
            3:44: transfer.listeners[0].sender.require_receipts[0]: expected a fingerprint of 40 hexadecimal \
            digits, found "a@b"; `gpg --list-keys --with-fingerprint` shows it; a key id or mail address can \
            name more than one key
            """),
        Case(
            "sender: { policy: keep, require_receipts: 89ABCDEF0123456789ABCDEF0123456789ABCDEF }",
            """
            3:43: transfer.listeners[0].sender.require_receipts: expected a list of fingerprints, found \
            "89ABCDEF0123456789ABCDEF0123456789ABCDEF"; write [ ] around it
            """),
        Case(
            "sender: { policy: keep, sources: [] }",
            """
            3:34: transfer.listeners[0].sender.sources: expected a list of at least one pattern for sources, \
            found an empty list
            """),
        Case(
            "sender: { policy: keep, sources: [host1] }",
            """
            3:35: transfer.listeners[0].sender.sources[0]: expected a pattern for sources: "host1" is not a \
            pattern for sources: it does not begin with '/'; write for example /host1/root, '/host1/*' or \
            '**/log'
            """),
        Case(
            "sender: { policy: keep, sources: /host1 }",
            """
            3:34: transfer.listeners[0].sender.sources: expected a list of at least one pattern for sources, \
            found "/host1"; write [ ] around it
            """),
        Case(
            "sender: { policy: keep, types: [full, incremental] }",
            """
            3:39: transfer.listeners[0].sender.types[1]: expected one of full, inc, found "incremental"
            """),
        Case(
            "sender: { policy: keep, types: full }",
            """
            3:32: transfer.listeners[0].sender.types: expected a list of full or inc, found "full"; write [ \
            ] around it
            """),
        Case(
            "sender: { policy: keep, handling_policies: [a_b] }",
            """
            3:45: transfer.listeners[0].sender.handling_policies[0]: expected the name of a handling policy, \
            found "a_b"; it consists of A-Z a-z 0-9 space . / and -
            """),
        Case(
            "sender: { policy: keep, max_size: huge }",
            """
            3:35: transfer.listeners[0].sender.max_size: expected a size above 0: "huge" is not a size; \
            write a number of bytes with an optional unit k M G T (1000) or Ki Mi Gi Ti (1024), for example \
            500G or 64Mi
            """),
        Case(
            "sender: { policy: keep, max_size: 99999999T }",
            """
            3:35: transfer.listeners[0].sender.max_size: expected a size above 0: "99999999T" is not a size; \
            write a number of bytes with an optional unit k M G T (1000) or Ki Mi Gi Ti (1024), for example \
            500G or 64Mi
            """),
        Case(
            "sender: { policy: keep, newer_than: 1y }",
            """
            3:37: transfer.listeners[0].sender.newer_than: expected a duration above 0: "1y" is not a \
            duration: "y" is no unit; write numbers with the units s min h d w, added, for example 6d20h or \
            90min
            """),
        Case(
            "sender: { policy: keep, prioritise: [a:b] }",
            """
            3:38: transfer.listeners[0].sender.prioritise[0]: expected a handling policy or the name of an \
            attribute, found "a:b"; it consists of A-Z a-z 0-9 space . / - and _
            """),
        Case(
            "sender: { policy: keep, prioritize: [a] }",
            "3:25: transfer.listeners[0].sender.prioritize: unknown key, did you mean \"prioritise\"?"),
        Case(
            "sender: { policy: keep, prefix: /a }",
            """
            3:25: transfer.listeners[0].sender.prefix: unknown key; the keys known here are policy, \
            mark_as_done, copies, release, forget_agent_after, require_receipts, sources, types, \
            handling_policies, max_size, newer_than, prioritise
            """),
        Case(
            "sender: { mark_as_done: true }",
            """
            3:1: transfer.listeners[0].sender.policy: the mandatory key is missing, expected one of move, \
            copies, keep; write policy: keep to keep what was fetched, move to delete it here, copies to \
            offer it until a number of machines have it
            """),
        Case(
            "receiver: { policy: stored }",
            """
            3:21: transfer.listeners[0].receiver.policy: expected one of store, mirror, found "stored"; did \
            you mean "store"?
            """),
        Case(
            "receiver: { policy: mirror }",
            """
            3:1: transfer.listeners[0].receiver.delete_after: the mandatory key is missing, expected a \
            duration above 0; say how long what is offered no more is kept, for example 90d
            """),
        Case(
            "receiver: { policy: store, delete_after: 1d }",
            """
            3:28: transfer.listeners[0].receiver.delete_after: it has a meaning only with policy: mirror; \
            remove it, or write policy: mirror
            """),
        Case(
            "receiver: { policy: mirror, delete_after: 0s }",
            """
            3:43: transfer.listeners[0].receiver.delete_after: expected a duration above 0, found "0s"
            """),
        Case(
            "receiver: { delete_after: 1d }",
            """
            3:1: transfer.listeners[0].receiver.policy: the mandatory key is missing, expected one of store, \
            mirror; write policy: store to keep what was fetched for ever, mirror to delete what is offered \
            no more
            """),
        Case(
            "receiver: { policy: store, prefix: host1 }",
            """
            3:36: transfer.listeners[0].receiver.prefix: expected a source URL: "host1" is not a source URL: \
            it does not begin with '/' at position 1; a source URL looks like /host1/root: parts of A-Z a-z \
            0-9 % - . _ separated by single slashes
            """),
        Case(
            "receiver: { policy: store, prefix: /a/../b }",
            """
            3:36: transfer.listeners[0].receiver.prefix: expected a source URL: "/a/../b" is not a source \
            URL: the part ".." is forbidden at position 4; a source URL looks like /host1/root: parts of A-Z \
            a-z 0-9 % - . _ separated by single slashes
            """),
        Case(
            "receiver: { policy: store, quota: {} }",
            """
            3:28: transfer.listeners[0].receiver.quota: expected bytes, elements or both, found an empty \
            map; write for example quota: { bytes: 500G }, or none for no limit
            """),
        Case(
            "receiver: { policy: store, quota: 500G }",
            "3:35: transfer.listeners[0].receiver.quota: expected a map, found \"500G\""),
        Case(
            "receiver: { policy: store, quota: { bytes: 0 } }",
            "3:44: transfer.listeners[0].receiver.quota.bytes: expected a size above 0, found \"0\""),
        Case(
            "receiver: { policy: store, quota: { elements: 1K } }",
            """
            3:47: transfer.listeners[0].receiver.quota.elements: expected a whole number, 1 or more, found \
            "1K"
            """),
        Case(
            "receiver: { policy: store, quota: { byte: 1K } }",
            "3:37: transfer.listeners[0].receiver.quota.byte: unknown key, did you mean \"bytes\"?"),
        Case(
            "receiver: { policy: store, require_signature: [0123] }",
            """
            3:48: transfer.listeners[0].receiver.require_signature[0]: expected a fingerprint of 40 \
            hexadecimal digits, found "0123"; `gpg --list-keys --with-fingerprint` shows it; a key id or \
            mail address can name more than one key
            """),
        Case(
            "receiver: { policy: store, require_chain: yes }",
            """
            3:43: transfer.listeners[0].receiver.require_chain: expected true or false, found "yes"; write \
            true
            """),
        Case(
            "receiver: { policy: store, order: endangered }",
            """
            3:35: transfer.listeners[0].receiver.order: expected one of chain, endangered_first, found \
            "endangered"
            """),
        Case(
            "receiver: { policy: store, sign_receipts: [] }",
            """
            3:43: transfer.listeners[0].receiver.sign_receipts: expected a fingerprint of 40 hexadecimal \
            digits, found a list
            """),
        Case(
            "receiver: { policy: store, mark_as_done: true }",
            """
            3:28: transfer.listeners[0].receiver.mark_as_done: unknown key; the keys known here are policy, \
            delete_after, sources, types, handling_policies, max_size, newer_than, prefix, quota, \
            require_signature, require_chain, order, sign_receipts
            """),
    ]

    static let peers = [
        Case(
            "every: 0s",
            "3:8: transfer.peers[0].every: expected a duration above 0, found \"0s\""),
        Case(
            "every: 1h, at: [\"02:00\"]",
            "3:16: transfer.peers[0].at: every and at exclude each other; keep one of them"),
        Case(
            "at: []",
            "3:5: transfer.peers[0].at: expected a list of at least one time, found an empty list"),
        Case(
            "at: 02:00",
            """
            3:5: transfer.peers[0].at: expected a list of at least one time, found "02:00"; write [ ] around \
            it
            """),
        Case(
            "at: [\"2:00\"]",
            """
            3:6: transfer.peers[0].at[0]: expected a time of day, UTC, found the text "2:00"; write hours \
            and minutes with two digits each, from 00:00 to 23:59
            """),
        Case(
            "jitter: 5min",
            """
            3:9: transfer.peers[0].jitter: it has a meaning only together with every or at; add one, or \
            remove jitter
            """),
        Case(
            "every: 1h, jitter: 1h",
            "3:20: transfer.peers[0].jitter: 1h is not less than every, 1h; expected is jitter < every"),
        Case(
            "at: [\"02:00\"], jitter: 1d",
            "3:24: transfer.peers[0].jitter: 1d is not less than a day; choose less than 1d"),
        Case(
            "retry_after: 0s",
            "3:14: transfer.peers[0].retry_after: expected a duration above 0, found \"0s\""),
        Case(
            "retry_after: 10min, retry_at_most: 5min",
            """
            3:36: transfer.peers[0].retry_at_most: 5min is less than retry_after, 10min; expected is \
            retry_after <= retry_at_most
            """),
        Case(
            "run_conditions: { minimum_uptim: 1h }",
            """
            3:19: transfer.peers[0].run_conditions.minimum_uptim: unknown key, did you mean \
            "minimum_uptime"?
            """),
        Case(
            "timeouts: { idle: 0s }",
            "3:19: transfer.peers[0].timeouts.idle: expected a duration above 0, found \"0s\""),
        Case(
            "timeouts: { connect: 1s }",
            """
            3:13: transfer.peers[0].timeouts.connect: unknown key; the keys known here are idle, stall
            """),
        Case(
            "timeouts: 5min",
            "3:11: transfer.peers[0].timeouts: expected a map, found \"5min\""),
        Case(
            "path: /s",
            """
            3:1: transfer.peers[0].path: unknown key; the keys known here are agent, socket, command, \
            directory, every, at, jitter, run_conditions, retry_after, retry_at_most, sender, receiver, \
            bandwidth, timeouts
            """),
        Case(
            "mode: 0600",
            """
            3:1: transfer.peers[0].mode: unknown key; the keys known here are agent, socket, command, \
            directory, every, at, jitter, run_conditions, retry_after, retry_at_most, sender, receiver, \
            bandwidth, timeouts
            """),
    ]
}
