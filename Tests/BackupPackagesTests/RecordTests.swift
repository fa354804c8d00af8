import BackupModel
import Testing

@testable import BackupPackages

@Suite struct RecordTests {
    private var full: PackageRecord {
        var record = PackageRecord(
            machine: "6f9619ff-8b86-d011-b42d-00cf4fc964ff", manager: "portage", root: "/", event: .install,
            category: "dev-libs", name: "openssl", version: "3.1.4-r1")
        record.isRootKnown = false
        record.otherVersion = "3.0.9"
        record.repository = "gentoo"
        record.slot = "0/3"
        record.architecture = "x86_64"
        record.installType = .source
        record.isExplicit = true
        record.cause = .replaced
        record.state = "installed"
        record.started = Timestamp(1_648_204_000)
        record.finished = Timestamp(1_648_204_088)
        record.recorded = "1648204088"
        record.zoneOffset = 3600
        record.duration = 88
        record.detail = "a \"quoted\" text: ä\n"
        record.position = LogPosition(offset: 77, length: 60, digest: 0x00ff_00ff_00ff_00ff)
        return record
    }

    /// The documented form; whoever changes it breaks what is stored.
    @Test func theFormIsFixed() {
        let record = PackageRecord(
            machine: "m", manager: "dpkg", root: "/", event: .uninstall, name: "libssl3", version: "3.0.9-1")
        #expect(
            record.canonicalText == """
                {"Architecture": null, "Category": null, "Completeness": "complete", "Duration": null, \
                "Event": "uninstall", "Finished": null, "InstallType": null, "Kind": "change", "Machine": "m", \
                "Manager": "dpkg", "Name": "libssl3", "Position": null, "Recorded": null, "Repository": null, \
                "Root": "/", "Schema": 1, "Slot": null, "Started": null, "Version": "3.0.9-1", "ZoneKnown": false}
                """)
        #expect(
            full.canonicalText == """
                {"Architecture": "x86_64", "Category": "dev-libs", "Cause": "replaced", "Completeness": "complete", \
                "Detail": "a \\"quoted\\" text: \\u00e4\\n", "Duration": 88, "Event": "install", "Explicit": true, \
                "Finished": 1648204088, "InstallType": "source", "Kind": "change", \
                "Machine": "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "Manager": "portage", "Name": "openssl", \
                "OtherVersion": "3.0.9", "Position": {"Digest": "00ff00ff00ff00ff", "Length": 60, "Offset": 77}, \
                "Recorded": "1648204088", "Repository": "gentoo", "Root": "/", "RootKnown": false, "Schema": 1, \
                "Slot": "0/3", "Started": 1648204000, "State": "installed", "Version": "3.1.4-r1", \
                "ZoneKnown": true, "ZoneOffset": 3600}
                """)
    }

    @Test func whatIsWrittenIsReadAndWrittenAgain() throws {
        let text = full.canonicalBytes
        let read = try PackageRecord(parsing: text + [0x0a])
        #expect(read == full)
        #expect(read.canonicalBytes == text)
        // The writer that makes no object gives what the general one gives.
        #expect(try JSONParser.parse(text).canonicalBytes == text)
    }

    @Test func unknownKeysAndEventsOfANewerFormAreKept() throws {
        let line = """
            {"Completeness": "complete", "Event": "migrate", "Flavour": {"B": 1, "A": [2.50]}, "Kind": "change", \
            "Machine": "m", "Manager": "nix", "Root": "/", "Schema": 7, "Zebra": null, "ZoneKnown": false}
            """
        let record = try PackageRecord(parsing: Array(line.utf8))
        #expect(record.event.rawValue == "migrate" && record.schema == 7)
        let again = try PackageRecord(parsing: record.canonicalBytes)
        #expect(again == record)
        #expect(record.canonicalText.contains("\"Flavour\": {\"A\": [2.50], \"B\": 1}"))
        #expect(try JSONParser.parse(record.canonicalBytes).canonicalBytes == record.canonicalBytes)
    }

    @Test(arguments: [
        ("Schema", "null"), ("Schema", "0"), ("Schema", "\"1\""), ("Kind", "\"package\""), ("Manager", "null"),
        ("Machine", "7"), ("Root", "null"), ("Event", "null"), ("Name", "null"), ("Version", "null"),
        ("Completeness", "\"perhaps\""), ("Completeness", "null"), ("Duration", "-1"), ("Duration", "1.5"),
        ("Started", "\"now\""), ("ZoneKnown", "false"), ("Position", "[]"), ("InstallType", "\"magic\""),
        ("Position", "{\"Offset\": -1, \"Length\": 1}"), ("Position", "{\"Offset\": 1}"),
        ("Position", "{\"Offset\": 1, \"Length\": 1, \"Digest\": \"12\"}"),
    ])
    func whatIsNotInTheFormIsRefused(key: String, value: String) throws {
        var object = try #require(try JSONParser.parse(full.canonicalBytes).objectValue)
        object[key] = try JSONParser.parse(value)
        let error = #expect(throws: BackupError.self) { try PackageRecord(object) }
        #expect(error?.code == .damaged)
        #expect(error?.message.contains(key) == true || error?.message.contains("Offset") == true)
    }

    @Test func packagesAndHeadersToo() throws {
        var package = InstalledPackage(
            machine: "m", manager: "portage", root: "/", category: "dev-libs", name: "a", version: "1")
        package.serial = 12
        package.use = ["ssl", "threads"]
        package.isExplicit = false
        package.built = Timestamp(5)
        let text = package.canonicalBytes
        #expect(try InstalledPackage(try #require(try JSONParser.parse(text).objectValue)) == package)
        #expect(try JSONParser.parse(text).canonicalBytes == text)
        #expect(try PackageLine(parsing: text) == .package(package))

        var header = SnapshotHeader(machine: "m", manager: "portage", root: "/", packageCount: 3)
        header.taken = Timestamp(9)
        header.world = ["dev-libs/a"]
        header.logOffset = 100
        header.isConsistent = false
        #expect(try JSONParser.parse(header.canonicalBytes).canonicalBytes == header.canonicalBytes)
        #expect(try PackageLine(parsing: header.canonicalBytes) == .header(header))
        #expect(try PackageLine(parsing: full.canonicalBytes) == .change(full))
        #expect(try PackageLine(parsing: Array("{\"Kind\": \"note\"}".utf8)) == .unknown(["Kind": .string("note")]))
        #expect(throws: BackupError.self) { try PackageLine(parsing: Array("{}".utf8)) }
        #expect(throws: BackupError.self) { try PackageLine(parsing: Array("[1]".utf8)) }
        #expect(throws: BackupError.self) { try PackageLine(parsing: Array("{\"Kind\": \"change\"".utf8)) }
    }
}
