import BackupConfig
import BackupModel
import Testing

@testable import BackupUnits

/// Elements and state that the original wrote.
@Suite struct ChainTests {
    static let fullUUID = "WayP9EsqMM04wj5SXxJhNYl55/qoxdj1Bw6wOD96GEkc5/SfpY40nL5etFTihS5SbJSLT87WAXi/UMXU1QVBIA=="
    static let incUUID = "BNMeUmMgNDH/ow54ddOUbvrmJR6Vw+Kc6RFbop8fdCEEB8S1hz+AmMo/84tjUSjmGIU2c+XhkGwsPURZ57LnCA=="
    static let old = #"{"/host1/root": [1795220058, 1795220058, ""# + fullUUID + #""]}"#
    static let current = #"{"/host1/root": [1795220058, 1795220060, ""# + incUUID + #""]}"#
    static let index =
        "GNU tar-1.34-2\n1795220060\u{0}856367680\u{0}0\u{0}1795220058\u{0}783312639\u{0}65024\u{0}16238827\u{0}.\u{0}"
        + "Na.txt\u{0}Nc.txt\u{0}Nlink\u{0}Dsub\u{0}\u{0}\u{0}0\u{0}1795220058\u{0}787312639\u{0}65024\u{0}16238906\u{0}"
        + "./sub\u{0}\u{0}\u{0}"

    @Test func givesTheUUIDsOfTheOriginal() throws {
        let source = try SourceURL("/host1/root")
        let full = ElementUUID(
            predecessor: nil,
            checksum: try #require(
                Base64.decode(
                    "Ju2NpYtLa+CMDV7a89+4FwbnAPwKlKxZBTqwXn+Vtyy5jn9V6m6FOSwVbfBvpRUA841MMRwyTr/XZPj47fcsSQ==")),
            timestamp: Timestamp(1_795_220_058), source: source)
        #expect(full.base64 == Self.fullUUID)
        let increment = ElementUUID(
            predecessor: full,
            checksum: try #require(
                Base64.decode(
                    "Hb1zilealT67PUjhNoi/DCem36k8g3w0twY6d4jdGgNG6MjdjDQnFiRTQMa7EKOHK9KwP31LtIakZek9pPqtbQ==")),
            timestamp: Timestamp(1_795_220_060), source: source)
        #expect(increment.base64 == Self.incUUID)
    }

    @Test func continuesTheStateOfTheOriginal() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        try shell("mkdir sub; echo a >a.txt; echo c >c.txt; ln -s a.txt link; echo b >sub/b.txt", in: root)
        let settings = try tarSource("/host1/root", root: root, keep: 1)
        let bench = try Bench(.tar([settings]), in: scratch)
        try bench.files.write(Self.current, to: "state.current")
        try bench.files.write(Self.old, to: "state.old")
        try bench.files.write(Self.index, to: "host1-root.index")
        try bench.files.write("BZh", to: "host1-root.index.bz2.20261121001418")

        #expect(try bench.recover() == [])
        let scheduled = try #require(try bench.unit.schedule(now: Timestamp(1_795_220_061)).first)
        #expect(scheduled.type == .inc)
        let run = try bench.run("/host1/root", type: .inc, at: 1_795_300_000)
        #expect(run.type == .inc)
        #expect(run.predecessor?.base64 == Self.incUUID)
        #expect(bench.files.text("state.old") == Self.current)
        let uuid = run.uuid(checksum: [UInt8](repeating: UInt8(truncatingIfNeeded: 1_795_300_000), count: 64))
        #expect(
            bench.files.text("state.current") == #"{"/host1/root": [1795220058, 1795300000, "\#(uuid.base64)"]}"#)
        // The index of the element before is kept under its time; the original's, being older, is gone.
        #expect(
            bench.files.names == ["host1-root.index", "host1-root.index.20261121001420", "state.current", "state.old"])
    }
}
