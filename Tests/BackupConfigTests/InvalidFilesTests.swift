import BackupConfig
import BackupModel
import Testing

/// Each wrong text with the message it must have: position, key path, what was expected, the way out.
@Suite struct InvalidFilesTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let message: String

        init(_ text: String, _ message: String) {
            self.text = text
            self.message = message
        }

        var testDescription: String { text.debugDescription }
    }

    @Test(arguments: main) func mainConfiguration(_ invalid: Case) throws {
        let text = invalid.text.contains("pipeline") ? invalid.text : "pipeline: { encryption: none }\n" + invalid.text
        #expect(try TemporaryConfiguration(main: text).mainError() == "ETC/config:" + invalid.message)
    }

    @Test(arguments: texts) func anyFile(_ invalid: Case) throws {
        #expect(try TemporaryConfiguration(main: invalid.text).mainError() == "ETC/config:" + invalid.message)
    }

    @Test(arguments: definitions) func unitDefinition(_ invalid: Case) throws {
        let directory = try TemporaryConfiguration()
        try directory.unit("A", definition: invalid.text)
        #expect(try directory.unitError("A") == invalid.message)
    }

    @Test(arguments: tarSources) func tarSource(_ invalid: Case) throws {
        let directory = try TemporaryConfiguration()
        let timing = invalid.text.contains("full_timing") ? "" : ", full_timing: { min: 1d, max: 2d }"
        let root = invalid.text.contains("root:") ? "" : ", root: /"
        let overlay = "sources:\n  /a: { \(invalid.text)\(root)\(timing) }\n"
        try directory.unit("A", definition: "unit: tar\n", overlay: overlay)
        #expect(try directory.unitError("A") == "ETC/units/A.config:" + invalid.message)
    }

    @Test(arguments: commandSources) func commandSource(_ invalid: Case) throws {
        let directory = try TemporaryConfiguration()
        let overlay = "sources:\n  /a: { \(invalid.text), full_timing: { min: 1d, max: 2d } }\n"
        try directory.unit("A", definition: "unit: command\n", overlay: overlay)
        #expect(try directory.unitError("A") == "ETC/units/A.config:" + invalid.message)
    }

    static let texts = [
        Case(
            "",
            """
            1:1: the file holds no settings, a map of settings is expected; write settings in it, or remove it
            """),
        Case(
            "# nothing\n",
            """
            1:1: the file holds no settings, a map of settings is expected; write settings in it, or remove it
            """),
        Case(
            "---\n",
            """
            1:1: the file holds no settings, a map of settings is expected; write settings in it, or remove it
            """),
        Case(
            "- a\n- b\n",
            "1:1: a map of settings is expected at the top, found a list"),
        Case(
            "just text\n",
            "1:1: a map of settings is expected at the top, found \"just text\""),
        Case(
            "pipeline:\n\tencryption: none\n",
            """
            2:1: not valid YAML: while scanning for the next token: found character that cannot start any \
            token; YAML is indented with blanks, not tabs: replace the tab in line 2
            """),
        Case(
            "pipeline:\n  encryption: none\n\tstall_timeout: 1h\n",
            """
            3:1: not valid YAML: while scanning a plain scalar: found a tab character that violates \
            indentation; YAML is indented with blanks, not tabs: replace the tab in line 3
            """),
        Case(
            "pipeline:\r\n  encryption: none\r\n\tstall_timeout: 1h\r\n",
            """
            3:1: not valid YAML: while scanning a plain scalar: found a tab character that violates \
            indentation; YAML is indented with blanks, not tabs: replace the tab in line 3
            """),
        Case(
            "pipeline: { encryption: none }\ngeneral: {}\npipeline: {}\n",
            "1:1: pipeline: the key stands more than once in the same map, here first; keep one of them"),
        Case(
            "pipeline: { encryption: none, \"encryption\": none }\n",
            "1:13: encryption: the key stands more than once in the same map, here first; keep one of them"),
        Case(
            "pipeline: { encryption: none }\n---\nstorage: {}\n",
            """
            2:1: a second YAML document begins here; a configuration file is one document: remove the line \
            "---" between them
            """),
        Case(
            "pipeline: { encryption: none\n",
            """
            2:1: not valid YAML: while parsing a flow mapping: did not find expected ',' or '}'; put quotes \
            around texts with special characters, and check the indentation
            """),
        Case(
            "pipeline: { encryption: \"none }\n",
            """
            2:1: not valid YAML: while scanning a quoted scalar: found unexpected end of stream; put quotes \
            around texts with special characters, and check the indentation
            """),
        Case(
            "a: &x 1\npipeline: { encryption: none }\n",
            """
            1:4: YAML anchors (&name) and aliases (*name) are not taken; write the value out where it is \
            needed, use source_defaults for what sources share, and put quotes around texts that begin with & \
            or *
            """),
        Case(
            "a: &x 1\nb: *x\n",
            """
            2:4: YAML anchors (&name) and aliases (*name) are not taken; write the value out where it is \
            needed, use source_defaults for what sources share, and put quotes around texts that begin with & \
            or *
            """),
        Case(
            "b: *x\n",
            """
            1:4: YAML anchors (&name) and aliases (*name) are not taken; write the value out where it is \
            needed, use source_defaults for what sources share, and put quotes around texts that begin with & \
            or *
            """),
        Case(
            "storage: !custom { directory: /d }\n",
            """
            1:10: YAML tags such as "!custom" are not taken; leave the word with the '!' out, or put quotes \
            around the text
            """),
        Case(
            "[a, b]: c\n",
            "1:1: a key is expected, found a list"),
        Case(
            "{ a: 1 }: c\n",
            "1:1: a key is expected, found a map"),
        Case(
            ": c\n",
            """
            1:1: not valid YAML: while parsing a block mapping: did not find expected key; put quotes around \
            texts with special characters, and check the indentation
            """),
        Case(
            "storage: { directory: \"/a\\0b\" }\n",
            "1:23: the text holds a NUL character, which no program or path can take"),
        Case(
            "storage: { directory: /a\u{0} }\n",
            """
            1:25: the file holds the control character U+0000; a configuration is plain text; was another \
            file put here by mistake?
            """),
        Case(
            "a: b\nstorage: { directory: /a\u{1B} }\n",
            """
            2:25: the file holds the control character U+001B; a configuration is plain text; was another \
            file put here by mistake?
            """),
    ]

    static let main = [
        Case(
            "pipeline: {}\n",
            """
            1:1: pipeline.encryption: the mandatory key is missing, expected none or { recipients: \
            [FINGERPRINT] }; there is no default, so that a forgotten key stores nothing unencrypted (fail \
            closed): write encryption: { recipients: [FINGERPRINT] }, or encryption: none to store plain data \
            on purpose
            """),
        Case(
            "general: {}\n#pipeline\n",
            """
            1:1: pipeline.encryption: the mandatory key is missing, expected none or { recipients: \
            [FINGERPRINT] }; there is no default, so that a forgotten key stores nothing unencrypted (fail \
            closed): write encryption: { recipients: [FINGERPRINT] }, or encryption: none to store plain data \
            on purpose
            """),
        Case(
            "pipeline: { encryption: }\n",
            """
            1:25: pipeline.encryption: expected none or { recipients: [FINGERPRINT] }, found no value; there \
            is no default, so that a forgotten key stores nothing unencrypted (fail closed): write \
            encryption: { recipients: [FINGERPRINT] }, or encryption: none to store plain data on purpose
            """),
        Case(
            "pipeline: { encryption: yes }\n",
            """
            1:25: pipeline.encryption: expected none or { recipients: [FINGERPRINT] }, found "yes"; write \
            encryption: { recipients: [FINGERPRINT] }, or encryption: none to store plain data on purpose
            """),
        Case(
            "pipeline: { encryption: [a@b] }\n",
            """
            1:25: pipeline.encryption: expected none or { recipients: [FINGERPRINT] }, found a list; write \
            recipients: before the list
            """),
        Case(
            "pipeline: { encryption: {} }\n",
            """
            1:13: pipeline.encryption.recipients: the mandatory key is missing, expected a list of at least \
            one recipient; write encryption: { recipients: [FINGERPRINT] }, or encryption: none to store \
            plain data on purpose
            """),
        Case(
            "pipeline: { encryption: { recipients: [] } }\n",
            """
            1:39: pipeline.encryption.recipients: expected a list of at least one recipient, found an empty \
            list
            """),
        Case(
            "pipeline: { encryption: { recipients: a@b } }\n",
            """
            1:39: pipeline.encryption.recipients: expected a list of at least one recipient, found "a@b"; \
            write [ ] around it
            """),
        Case(
            "pipeline: { encryption: { recipients: [a@b, FINGERPRINT] } }\n",
            """
            1:45: pipeline.encryption.recipients[1]: expected a fingerprint, key id or mail address, found \
            "FINGERPRINT"; `gpg --list-keys` shows the fingerprints, of 40 hexadecimal digits each
            """),
        Case(
            "pipeline: { encryption: { recipients: [a@b, --output@x] } }\n",
            """
            1:45: pipeline.encryption.recipients[1]: expected a fingerprint, key id or mail address, found \
            "--output@x"; `gpg --list-keys` shows the fingerprints, of 40 hexadecimal digits each
            """),
        Case(
            "pipeline: { encryption: { recipients: [a@b], recipient: [] } }\n",
            "1:46: pipeline.encryption.recipient: unknown key, did you mean \"recipients\"?"),
        Case(
            "pipeline: { encryption: none, compression: gzip }\n",
            """
            1:44: pipeline.compression: expected none, { zstd: {...} } or { command: [...], restore: [...] }, \
            found "gzip"
            """),
        Case(
            "pipeline: { encryption: none, compression: { xz: {} } }\n",
            "1:46: pipeline.compression.xz: unknown key; the keys known here are zstd, command, restore"),
        Case(
            "pipeline: { encryption: none, compression: { command: [xz] } }\n",
            """
            1:31: pipeline.compression.restore: the mandatory key is missing, expected a list of a program \
            and its arguments; name the command that undoes it, since a backup that nobody can unpack is none
            """),
        Case(
            "pipeline: { encryption: none, compression: { restore: [xz] } }\n",
            """
            1:31: pipeline.compression.command: the mandatory key is missing, expected a list of a program \
            and its arguments; name the command that compresses
            """),
        Case(
            "pipeline: { encryption: none, compression: { zstd: {}, command: [a], restore: [b] } }\n",
            """
            1:44: pipeline.compression: zstd and command exclude each other, expected none, { zstd: {...} } \
            or { command: [...], restore: [...] }
            """),
        Case(
            "pipeline: { encryption: none, compression: { zstd: { level: 20 } } }\n",
            "1:61: pipeline.compression.zstd.level: expected a whole number from 1 to 19, found \"20\""),
        Case(
            "pipeline: { encryption: none, compression: { zstd: { level: \"3\" } } }\n",
            """
            1:61: pipeline.compression.zstd.level: expected a whole number from 1 to 19, found the text "3"; \
            remove the quotes
            """),
        Case(
            "pipeline: { encryption: none, compression: { zstd: { level: 0x3 } } }\n",
            "1:61: pipeline.compression.zstd.level: expected a whole number from 1 to 19, found \"0x3\""),
        Case(
            "pipeline: { encryption: none, compression: { zstd: { workers: -1 } } }\n",
            "1:63: pipeline.compression.zstd.workers: expected a whole number from 0 to 64, found \"-1\""),
        Case(
            "pipeline: { encryption: none, compression: { zstd: 3 } }\n",
            "1:52: pipeline.compression.zstd: expected a map, found \"3\""),
        Case(
            "pipeline: { encryption: none, stall_timeout: 0s }\n",
            "1:46: pipeline.stall_timeout: expected a duration above 0, found \"0s\""),
        Case(
            "pipeline: { encryption: none, stall_timeout: 30 }\n",
            """
            1:46: pipeline.stall_timeout: expected a duration above 0: "30" is not a duration: the number 30 \
            has no unit; write numbers with the units s min h d w, added, for example 6d20h or 90min
            """),
        Case(
            "pipeline: { encryption: none, stall_timeout: 5m }\n",
            """
            1:46: pipeline.stall_timeout: expected a duration above 0: "5m" is not a duration: "m" is no \
            unit; write numbers with the units s min h d w, added, for example 6d20h or 90min
            """),
        Case(
            "pipeline: { encryption: none, signatures: { key: A } }\n",
            """
            1:31: pipeline.signatures: unknown key; the keys known here are compression, encryption, \
            stall_timeout, signing
            """),
        Case(
            "pipeline: { encryption: none, signing: { key: 0123456789ABCDEF } }\n",
            """
            1:47: pipeline.signing.key: expected a fingerprint of 40 hexadecimal digits, found \
            "0123456789ABCDEF"; `gpg --list-keys --with-fingerprint` shows it; a key id or mail address can \
            name more than one key
            """),
        Case(
            "pipeline: { encryption: none, signing: {} }\n",
            """
            1:31: pipeline.signing.key: the mandatory key is missing, expected a fingerprint of 40 \
            hexadecimal digits; write signing: { key: FINGERPRINT }, or none
            """),
        Case(
            "pipeline: { encryption: none, signing: a@b }\n",
            "1:40: pipeline.signing: expected a map, found \"a@b\""),
        Case(
            "storage: { directory: /d/data, partial_directory: /d/./data/partial }\n",
            """
            2:51: storage.partial_directory: it lies in the storage, /d/data; name a directory beside the \
            storage on the same file system, or remove the key
            """),
        Case(
            "storage: { partial_directory: partial }\n",
            """
            2:31: storage.partial_directory: expected an absolute path, found "partial"; a path here begins \
            with /
            """),
        Case(
            "general: { test_mode: yes }\n",
            "2:23: general.test_mode: expected true or false, found \"yes\"; write true"),
        Case(
            "general: { test_mode: Off }\n",
            "2:23: general.test_mode: expected true or false, found \"Off\"; write false"),
        Case(
            "general: { test_mode: \"true\" }\n",
            "2:23: general.test_mode: expected true or false, found the text \"true\"; remove the quotes"),
        Case(
            "general: { test_mode: }\n",
            "2:23: general.test_mode: expected true or false, found no value"),
        Case(
            "general: { test_mode: 2 }\n",
            "2:23: general.test_mode: expected true or false, found \"2\""),
        Case(
            "general: { keys_directory: keys }\n",
            """
            2:28: general.keys_directory: expected an absolute path, found "keys"; a path here begins with /
            """),
        Case(
            "general: { keys_directory: [/k] }\n",
            "2:28: general.keys_directory: expected an absolute path, found a list"),
        Case(
            "general: { keys_directory: ~ }\n",
            """
            2:28: general.keys_directory: expected an absolute path, found no value; give it a value in \
            quotes, or remove it
            """),
        Case(
            "general: { state-directory: /s }\n",
            "2:12: general.state-directory: unknown key, did you mean \"state_directory\"?"),
        Case(
            "general: []\n",
            "2:10: general: expected a map, found a list"),
        Case(
            "storage: { durability: elements }\n",
            """
            2:24: storage.durability: expected one of none, filesystem, element, found "elements"; did you \
            mean "element"?
            """),
        Case(
            "storage: { name_zone: Europe/Vienna }\n",
            "2:23: storage.name_zone: expected one of utc, local, found \"Europe/Vienna\""),
        Case(
            "generator: { parallel_units: 0 }\n",
            "2:30: generator.parallel_units: expected a whole number from 1 to 64, found \"0\""),
        Case(
            "generator: { parallel_units: 65 }\n",
            "2:30: generator.parallel_units: expected a whole number from 1 to 64, found \"65\""),
        Case(
            "generator: { parallel_units: 99999999999999999999 }\n",
            """
            2:30: generator.parallel_units: expected a whole number from 1 to 64, found "99999999999999999999"
            """),
        Case(
            "generator: { run_conditions: { load_below: { limit: 0 } } }\n",
            """
            2:53: generator.run_conditions.load_below.limit: expected a number above 0, found "0"; write it \
            like 0.5 or 4
            """),
        Case(
            "generator: { run_conditions: { load_below: { for: 1min } } }\n",
            """
            2:32: generator.run_conditions.load_below.limit: the mandatory key is missing, expected a number \
            above 0; write for example limit: 0.5
            """),
        Case(
            "generator: { run_conditions: { load_below: { limit: 1e400 } } }\n",
            """
            2:53: generator.run_conditions.load_below.limit: expected a number above 0, found "1e400"; write \
            it like 0.5 or 4
            """),
        Case(
            "generator: { run_conditions: { load_below: { limit: 1, fore: 1min } } }\n",
            "2:56: generator.run_conditions.load_below.fore: unknown key, did you mean \"for\"?"),
        Case(
            "notify: []\n",
            "2:1: notify: unknown key; the keys known here are general, storage, pipeline, generator, transfer"),
        Case(
            "sources: {}\n",
            """
            2:1: sources: this key belongs in the files of a unit, not in the main configuration; write it in \
            units/NAME.config beside the symlink NAME
            """),
        Case(
            "\"gen\\e[2J\\n\": {}\n",
            """
            2:1: gen\\u{1b}[2J\\n: unknown key; the keys known here are general, storage, pipeline, generator, \
            transfer
            """),
    ]

    static let definitions = [
        Case(
            "source_defaults: {}\n",
            """
            LIB/A:1:1: unit: the mandatory key is missing, expected one of tar, command, logfile, packages, program; name in the unit \
            definition what the unit is, as in unit: tar
            """),
        Case(
            "unit: tarr\n",
            "LIB/A:1:7: unit: expected one of tar, command, logfile, packages, program, found \"tarr\"; did you mean \"tar\"?"
        ),
        Case(
            "unit: tar\npipeline: { encryption: }\nsources: { /a: {} }\n",
            """
            LIB/A:2:25: pipeline.encryption: expected none or { recipients: [FINGERPRINT] }, found no value; \
            there is no default, so that a forgotten key stores nothing unencrypted (fail closed): write \
            encryption: { recipients: [FINGERPRINT] }, or encryption: none to store plain data on purpose
            """),
        Case(
            "unit: tar\n",
            """
            LIB/A:1:1: sources: the mandatory key is missing, expected at least one source; write sources: { \
            /host1/root: {...} } in A.config, beside the symlink A
            """),
        Case(
            "unit: tar\nsources: {}\n",
            """
            LIB/A:1:1: sources: the mandatory key is missing, expected at least one source; write sources: { \
            /host1/root: {...} } in A.config, beside the symlink A
            """),
        Case(
            "unit: tar\nsources: [/a]\n",
            "LIB/A:2:10: sources: expected a map of source URLs, found a list"),
        Case(
            "unit: tar\nsources:\n  host1/root: {}\n  /ok/../x: {}\n",
            """
            2 errors in unit A:
              LIB/A:3:3: sources: "host1/root" is not a source URL: it does not begin with '/' at position 1; \
            a source URL looks like /host1/root: parts of A-Z a-z 0-9 % - . _ separated by single slashes
              LIB/A:4:3: sources: "/ok/../x" is not a source URL: the part ".." is forbidden at position 5; a \
            source URL looks like /host1/root: parts of A-Z a-z 0-9 % - . _ separated by single slashes
            """),
        Case(
            "unit: tar\nsources: { /a: [] }\nsource_defaults: { root: / }\n",
            "LIB/A:2:16: sources./a: expected a map, found a list"),
        Case(
            "unit: tar\nsource_defaults: [a]\nsources: { /a: {} }\n",
            "LIB/A:2:18: source_defaults: expected a map, found a list"),
        Case(
            "unit: tar\nstorage: {}\ngeneral: {}\ngenerator: { parallel_units: 2 }\n",
            """
            4 errors in unit A:
              LIB/A:2:1: storage: this key belongs in the main configuration, a unit cannot override it; of \
            the main configuration a unit may set pipeline and generator.run_conditions
              LIB/A:3:1: general: this key belongs in the main configuration, a unit cannot override it; of \
            the main configuration a unit may set pipeline and generator.run_conditions
              LIB/A:4:14: generator.parallel_units: this key belongs in the main configuration, a unit cannot \
            override it; of the main configuration a unit may set pipeline and generator.run_conditions
              LIB/A:1:1: sources: the mandatory key is missing, expected at least one source; write sources: \
            { /host1/root: {...} } in A.config, beside the symlink A
            """),
        Case(
            "unit: tar\nsource: {}\nsources: { /a: { root: /, full_timing: { min: 1d, max: 2d } } }\n",
            "LIB/A:2:1: source: unknown key, did you mean \"sources\"?"),
        Case(
            "unit: tar\npipeline: { encryption: off }\nsources: { /a: {} }\n",
            """
            LIB/A:2:25: pipeline.encryption: expected none or { recipients: [FINGERPRINT] }, found "off"; \
            write encryption: { recipients: [FINGERPRINT] }, or encryption: none to store plain data on \
            purpose
            """),
    ]

    static let tarSources = [
        Case(
            "root: relative",
            "2:15: sources./a.root: expected an absolute path, found \"relative\"; a path here begins with /"),
        Case(
            "root: none",
            "2:15: sources./a.root: expected an absolute path, found \"none\"; a path here begins with /"),
        Case(
            "full_timing: 1d",
            "2:22: sources./a.full_timing: expected a map, found \"1d\""),
        Case(
            "full_timing: { min: 1d }",
            """
            2:9: sources./a.full_timing.max: the mandatory key is missing, expected a duration above 0; write \
            for example { min: 6d20h, max: 7d4h, every: 7d, offset: 2h }
            """),
        Case(
            "full_timing: { min: 2d, max: 1d }",
            "2:29: sources./a.full_timing.min: 2d is more than max, 1d; expected is min <= max"),
        Case(
            "full_timing: { min: 1d, max: 1d, every: 0s }",
            "2:49: sources./a.full_timing.every: expected a duration above 0, found \"0s\""),
        Case(
            "full_timing: { min: 1d, max: 1d, offset: 1h }",
            """
            2:42: sources./a.full_timing.offset: it has a meaning only together with every; add every, or \
            remove offset
            """),
        Case(
            "full_timing: { min: 1d, max: 1d, every: 1h, offset: 60min }",
            "2:61: sources./a.full_timing.offset: 1h is not less than every, 1h; expected is offset < every"),
        Case(
            "full_timing: { min: 1d, max: 1d, modulus: 1h }",
            """
            2:42: sources./a.full_timing.modulus: unknown key; the keys known here are min, max, every, offset
            """),
        Case(
            "inc_command: [a]",
            """
            2:22: sources./a.inc_command: there are no increments without inc_timing; add inc_timing, or \
            remove inc_command
            """),
        Case(
            "inc_timing: { min: 1d }, inc_command: [a]",
            """
            2:9: sources./a.inc_timing.max: the mandatory key is missing, expected a duration above 0; write \
            for example { min: 6d20h, max: 7d4h, every: 7d, offset: 2h }
            """),
        Case(
            "include: []",
            "2:18: sources./a.include: expected a list of at least one relative path, found an empty list"),
        Case(
            "include: [/etc]",
            """
            2:19: sources./a.include[0]: expected a relative path, found "/etc"; leave out the root and the / \
            after it
            """),
        Case(
            "include: [a, b/../../c]",
            """
            2:22: sources./a.include[1]: expected a relative path, found "b/../../c"; a path with .. can lead \
            out of the root
            """),
        Case(
            "exclude: \"*.tmp\"",
            """
            2:18: sources./a.exclude: expected a list of patterns, found the text "*.tmp"; write [ ] around it
            """),
        Case(
            "exclude: [a, { b: c }]",
            "2:22: sources./a.exclude[1]: expected a pattern, found a map"),
        Case(
            "exclude: [ok, ~]",
            """
            2:23: sources./a.exclude[1]: expected a pattern, found no value; give it a value in quotes, or \
            remove it
            """),
        Case(
            "pre_command: sync",
            """
            2:22: sources./a.pre_command: expected a list of a program and its arguments, found "sync"; write \
            [ ] around it
            """),
        Case(
            "pre_command: []",
            """
            2:22: sources./a.pre_command: expected a list of a program and its arguments, found an empty list
            """),
        Case(
            "pre_command: [\"\"]",
            """
            2:22: sources./a.pre_command: expected a list of a program and its arguments, found an empty \
            program name
            """),
        Case(
            "policy: [keep_long]",
            """
            2:18: sources./a.policy[0]: expected the name of a handling policy, found "keep_long"; it \
            consists of A-Z a-z 0-9 space . / and -
            """),
        Case(
            "keep_indices: -1",
            "2:23: sources./a.keep_indices: expected a whole number, 0 or more, found \"-1\""),
        Case(
            "keep_indices: 1.5",
            "2:23: sources./a.keep_indices: expected a whole number, 0 or more, found \"1.5\""),
        Case(
            "xattr: true",
            "2:9: sources./a.xattr: unknown key, did you mean \"xattrs\"?"),
        Case(
            "command: [a]",
            """
            2:9: sources./a.command: unknown key; the keys known here are root, include, exclude, \
            pre_command, post_command, ignore_races, xattrs, one_file_system, full_timing, inc_timing, \
            full_command, inc_command, keep_indices, policy, encryption
            """),
        Case(
            "encryption: nonne",
            """
            2:21: sources./a.encryption: expected none or { recipients: [FINGERPRINT] }, found "nonne"; write \
            encryption: { recipients: [FINGERPRINT] }, or encryption: none to store plain data on purpose
            """),
    ]

    static let commandSources = [
        Case(
            "timeout: 1h",
            """
            2:3: sources./a.command: the mandatory key is missing, expected a list of a program and its \
            arguments; name the command whose standard output is the backup
            """),
        Case(
            "command: pg_dumpall",
            """
            2:18: sources./a.command: expected a list of a program and its arguments, found "pg_dumpall"; \
            write [ ] around it
            """),
        Case(
            "command: [a], timeout: 0s",
            "2:32: sources./a.timeout: expected a duration above 0, found \"0s\""),
        Case(
            "command: [a], working_directory: w",
            """
            2:42: sources./a.working_directory: expected an absolute path, found "w"; a path here begins with \
            /
            """),
        Case(
            "command: [a], environment: [A=b]",
            "2:36: sources./a.environment: expected a map, found a list"),
        Case(
            "command: [a], environment: { A=B: c }",
            "2:43: sources./a.environment.A=B: the name of a variable cannot hold '='"),
        Case(
            "command: [a], environment: { A: [b] }",
            "2:41: sources./a.environment.A: expected a text, found a list"),
        Case(
            "command: [a], environment: { A: }",
            """
            2:41: sources./a.environment.A: expected a text, found no value; give it a value in quotes, or \
            remove it
            """),
        Case(
            "command: [a], inc_timing: { min: 1d, max: 1d }",
            """
            2:23: sources./a.inc_timing: unknown key; the keys known here are command, full_timing, timeout, \
            working_directory, environment, policy, encryption
            """),
    ]
}
