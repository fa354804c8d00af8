import BackupConfig
import BackupModel
import Glibc
import Testing

@Suite struct UnitDirectoryTests {
    private static let good = "unit: tar\nsources: { /a: { root: /, full_timing: { min: 1d, max: 2d } } }\n"

    /// A directory with the good unit `Good`, to which the test adds what is out of place.
    private func directory() throws -> TemporaryConfiguration {
        let directory = try TemporaryConfiguration()
        try directory.unit("Good", definition: Self.good)
        return directory
    }

    private func warnings(_ directory: TemporaryConfiguration) throws -> [String] {
        let loaded = try directory.load()
        #expect(loaded.units.map(\.name) == ["Good"])
        #expect(loaded.unitErrors.isEmpty)
        return loaded.warnings.map {
            $0.replacing(directory.directory + "/units", with: "UNITS").replacing(directory.root, with: "ROOT")
        }
    }

    @Test func disabledUnitsAndTemplatesAreSilent() throws {
        let directory = try directory()
        try directory.write("etc/units/Off.config", "not: checked\n")
        try directory.write("etc/units/Good.config.example", "not: checked\n")
        #expect(try warnings(directory) == [])
    }

    @Test func whatIsOutOfPlaceIsNamedWithTheWayOut() throws {
        let directory = try directory()
        try directory.link("Dangling", to: "../nowhere")
        try directory.link("Folder", to: directory.root + "/lib")
        try directory.link("Null", to: "/dev/null")
        try directory.link("my-unit", to: directory.root + "/lib/Good")
        try directory.link("Ünit", to: directory.root + "/lib/Good")
        try directory.link("Loop", to: "Loop")
        try directory.write("etc/units/Copied", Self.good)
        try directory.write("etc/units/my-unit.config", "")
        try directory.write("etc/units/x\u{1B}[2J\n", "")
        let notAName =
            "it cannot be the name of a unit and is ignored; a name consists of letters and digits only; rename the symlink"
        let neither =
            "it is neither a symlink nor NAME.config and is ignored; a unit is enabled by a symlink to its definition; "
            + "move the file elsewhere"
        let notThere = "which does not exist; correct the symlink, or remove it"
        #expect(
            try warnings(directory) == [
                "UNITS/Copied: \(neither)",
                "UNITS/Dangling: it points to ../nowhere, \(notThere)",
                "UNITS/Folder: it points to the directory ROOT/lib and is ignored; point it to a unit definition file",
                "UNITS/Loop: it points to Loop, \(notThere)",
                "UNITS/Null: it points to /dev/null, which is no file, and is ignored; point it to a unit definition file",
                "UNITS/my-unit: \(notAName)",
                "UNITS/my-unit.config: \(neither)",
                "UNITS/x\\u{1b}[2J\\n: \(neither)",
                "UNITS/Ünit: \(notAName)",
            ])
    }

    @Test func theExecutableBitAloneMakesNoProgram() throws {
        let directory = try directory()
        try directory.write("lib/Good", bytes: Array(Self.good.utf8), mode: 0o755)
        #expect(try warnings(directory) == [])
    }

    @Test func oneDefinitionServesSeveralUnits() throws {
        let directory = try TemporaryConfiguration()
        try directory.write("lib/tar", "unit: tar\nsource_defaults: { root: /, full_timing: { min: 1d, max: 2d } }\n")
        for name in ["B", "A1"] {
            try directory.link(name, to: "../../lib/tar")
            try directory.write("etc/units/\(name).config", "sources: { /\(name): }\n")
        }
        let units = try directory.load().units
        #expect(units.map(\.name) == ["A1", "B"])
        #expect(units.map { $0.sources.map(\.description) } == [["/A1"], ["/B"]])
    }

    @Test func aMissingDirectoryIsAWarning() throws {
        let directory = try TemporaryConfiguration()
        try #require(rmdir(directory.directory + "/units") == 0)
        let loaded = try directory.load()
        #expect(loaded.units.isEmpty)
        #expect(loaded.warnings.count == 1)
        #expect(
            loaded.warnings.first?.hasSuffix("the directory does not exist, so no unit is enabled; create it") == true)
    }

    @Test func anOverlayThatIsNoFileIsAnErrorAndDoesNotBlock() throws {
        let directory = try directory()
        try #require(mkfifo(directory.directory + "/units/Good.config", 0o644) == 0)
        #expect(
            try directory.unitError("Good")
                == "ETC/units/Good.config:1:1: the file cannot be read: it is no regular file")
    }

    @Test func anOverlayThatPointsNowhereIsAnError() throws {
        let directory = try directory()
        try directory.link("Good.config", to: "nowhere")
        #expect(
            try directory.unitError("Good") == "ETC/units/Good.config:1:1: the file cannot be read: No such file or "
                + "directory; the symlink leads nowhere: correct or remove it")
    }
}
