import BackupConfig
import BackupModel
import Testing

@Suite struct MainConfigurationTests {
    @Test func theShortestConfigurationHasTheDocumentedDefaults() throws {
        let main = try TemporaryConfiguration().load().main
        #expect(main.general.stateDirectory == "/var/lib/guerillabackup/state")
        #expect(main.general.runtimeDirectory == "/run/guerillabackup")
        #expect(main.general.keysDirectory == "/etc/guerillabackup/keys")
        #expect(main.general.testMode == false)
        #expect(main.storage.directory == "/var/lib/guerillabackup/data")
        #expect(main.storage.durability == .element)
        #expect(main.storage.nameZone == .utc)
        #expect(main.storage.partialDirectory == nil)
        #expect(main.pipeline.compression == .zstd(level: 3, workers: 0, longDistance: false, checksum: true))
        #expect(main.pipeline.encryption == EncryptionSetting.none)
        #expect(main.pipeline.stallTimeout == TimeSpan(seconds: 3600))
        #expect(main.pipeline.signing == nil)
        #expect(
            main.generator
                == GeneratorSettings(parallelUnits: 1, retryAfter: TimeSpan(seconds: 600), runConditions: nil))
    }

    @Test func everyKeyIsTaken() throws {
        let main = try TemporaryConfiguration(main: Self.everything).load().main
        #expect(
            main.general
                == GeneralSettings(stateDirectory: "/s", runtimeDirectory: "/r", keysDirectory: "/k", testMode: true))
        #expect(
            main.storage
                == StorageSettings(
                    directory: "/d", durability: .filesystem, nameZone: .local, partialDirectory: "/d.partial"))
        #expect(
            main.pipeline
                == PipelineSettings(
                    compression: .command(compress: ["xz", "-9"], restore: ["xz", "-dc"]),
                    encryption: .recipients([
                        "0123456789ABCDEF0123456789ABCDEF01234567", "1234567890123456", "a@b.example",
                    ]),
                    stallTimeout: TimeSpan(seconds: 5400), signing: "89ABCDEF0123456789ABCDEF0123456789ABCDEF"))
        let load = LoadLimitSetting(limit: 0.5, span: TimeSpan(seconds: 240))
        #expect(
            main.generator
                == GeneratorSettings(
                    parallelUnits: 64, retryAfter: TimeSpan(seconds: 1),
                    runConditions: RunConditionSettings(minimumUptime: TimeSpan(seconds: 600), loadBelow: load)))
    }

    static let everything = """
        general: { state_directory: /s, runtime_directory: /r, keys_directory: /k, test_mode: true }
        storage: { directory: /d, durability: filesystem, name_zone: local, partial_directory: /d.partial }
        pipeline:
          compression: { command: [xz, -9], restore: [xz, -dc] }
          encryption:
            recipients:
              - 0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567
              - 1234567890123456
              - a@b.example
          stall_timeout: 1h30min
          signing: { key: 0x89abcdef 01234567 89abcdef 01234567 89abcdef }
        generator:
          parallel_units: 64
          retry_after: 1s
          run_conditions: { minimum_uptime: 10min, load_below: { limit: 0.5 } }
        """

    @Test(arguments: [
        "general:\n", "general: ~\n", "general: {}\n", "---\n", "\u{FEFF}", "# & and *x in a comment\n",
        "general:\r\n  test_mode: false\r\n",
    ])
    func whatSaysNothingChangesNothing(text: String) throws {
        let main = try TemporaryConfiguration(main: text + TemporaryConfiguration.plainMain).load().main
        #expect(main == (try TemporaryConfiguration().load().main))
    }

    @Test func jsonWithCommentsIsAConfiguration() throws {
        let text = "# a comment\n{\"pipeline\": {\"encryption\": \"none\", \"stall_timeout\": \"2h\"}}"
        let error = try TemporaryConfiguration(main: text).mainError()
        // A quoted "none" is a text and no word: plain data is stored only on an unmistakable order.
        #expect(error.contains("pipeline.encryption: expected none or { recipients: [FINGERPRINT] }, found the text"))
    }

    @Test func severalErrorsAreReportedAtOnce() throws {
        let error = try TemporaryConfiguration(main: "generall: {}\npipeline: { encryptoin: none }\n").mainError()
        #expect(
            error == """
                3 errors in ETC/config:
                  ETC/config:2:1: pipeline.encryption: the mandatory key is missing, expected none or { recipients: \
                [FINGERPRINT] }; there is no default, so that a forgotten key stores nothing unencrypted (fail closed): \
                write encryption: { recipients: [FINGERPRINT] }, or encryption: none to store plain data on purpose
                  ETC/config:2:13: pipeline.encryptoin: unknown key, did you mean "encryption"?
                  ETC/config:1:1: generall: unknown key, did you mean "general"?
                """)
    }

    @Test func aMissingFileNamesTheWayOut() throws {
        let error = try TemporaryConfiguration(main: nil).mainError()
        #expect(
            error
                == "ETC/config:1:1: the file cannot be read: it does not exist; create it from the shipped etc/config, "
                + "or name its directory with --config-dir")
    }

    @Test func whatIsNoFileIsNotRead() throws {
        let directory = try TemporaryConfiguration(main: nil)
        try directory.write("lib/file", "")
        let error = try #require(throws: BackupError.self) {
            try ConfigurationDirectory(path: directory.root + "/lib/file/").load()
        }
        #expect(error.code == .configuration)
        #expect(error.message.contains("Not a directory"))
    }
}
