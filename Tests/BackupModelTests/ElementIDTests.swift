import BackupModel
import BackupTestKit
import Testing

struct ElementIDTests {
    @Test(
        arguments: [
            ("/host1/var/log/20261121001418-syslog-full", "/host1/var/log/syslog", nil, BackupType.full),
            ("/host1/var/log/202611210014180-syslog-full", "/host1/var/log/syslog", 0, .full),
            ("/host1/var/log/202611210014181-syslog-full", "/host1/var/log/syslog", 1, .full),
            ("/host1/20261121001420-root-inc", "/host1/root", nil, .inc),
            ("/20261121001420-root-inc", "/root", nil, .inc),
            ("/h/2026112100142012-2026-01-full-inc", "/h/2026-01-full", 12, .inc),
            ("/h/20261121001420--full", "/h/", nil, .full),
            ("/h/20261121001420---full", "/h/-", nil, .full),
            ("/h/20261121001420-7-full", "/h/7", nil, .full),
        ] as [(String, String, Int?, BackupType)])
    func parsesAndPrints(_ text: String, _ source: String, _ serial: Int?, _ type: BackupType) throws {
        guard !source.hasSuffix("/") else {
            #expect(throws: BackupError.self) { try ElementID(text) }
            return
        }
        let id = try ElementID(text)
        #expect(id.source.description == source)
        #expect(id.serial == serial)
        #expect(id.type == type)
        #expect(id.description == text)
        #expect(id.digits == String(text.split(separator: "/").last?.prefix(14) ?? ""))
        #expect(id == ElementID(source: id.source, baseName: Substring(id.baseName)))
        #expect(id.fileName("info") == id.baseName + ".info")
    }

    @Test(arguments: [
        "", "/", "20261121001418-root-full", "/h/2026112100141-root-full", "/h/20261121001418-root-fuller",
        "/h/20261121001418-root", "/h/20261121001418root-full", "/h/2026112100141800-root-full",
        "/h/2026112100141801-root-full", "/h/202611210014181234567890-root-full", "/h/20261121001418-ro ot-full",
        "/h/../20261121001418-root-full", "//20261121001418-root-full", "/h/20261121001418-..-full",
        "/h/20261121001418-full",
        "/h/２０２６１１２１００１４１８-root-full", "/h/20261121001418-root-full.data", "/h/-root-full",
        "/h/20261121001418-root-full\n",
    ])
    func invalid(_ text: String) throws {
        let error = try #require(throws: BackupError.self) { try ElementID(text) }
        #expect(error.code == .invalidValue)
        #expect(!error.description.contains("\n"))
    }

    @Test func namesBelongToTheirSource() throws {
        let source = try SourceURL("/h/a-full")
        #expect(ElementID(source: source, baseName: "20261121001418-a-full-inc")?.type == .inc)
        #expect(ElementID(source: source, baseName: "20261121001418-a-full") == nil)
        #expect(ElementID(source: source, baseName: "20261121001418-xa-full-inc") == nil)
        #expect(ElementID(source: source, baseName: "tmp-a-full-0123") == nil)
    }

    @Test func order() throws {
        let sorted = try [
            "/h/20251121001418-a-full", "/h/202511210014180-a-full", "/h/202511210014180-a-inc",
            "/h/202511210014181-a-full",
            "/h/202511210014182-a-full", "/h/2025112100141810-a-full", "/h/20251121001419-a-full",
            "/h/20201121001418-b-full",
        ].map { try ElementID($0) }
        #expect(sorted.shuffled().sorted() == sorted)
        let example = try [
            "/h/20261121001418-syslog-full", "/h/202611210014180-syslog-full", "/h/202611210014181-syslog-full",
        ].map { try ElementID($0) }
        #expect(example.reversed().sorted() == example)
    }

    @Test func anyFieldsComeBack() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let last = random.pick("0123456789-fulinc._%", 1...12)
            guard let source = try? SourceURL("/\(random.pick("ab-1", 1...3))/\(last)") else { continue }
            let id = ElementID(
                source: source, digits: random.pick("0123456789", 14...14),
                serial: [nil, 0, 1, 10, 999_999_999].randomElement(using: &random) ?? nil,
                type: Bool.random(using: &random) ? .full : .inc)
            #expect(try ElementID(id.description) == id, "seed \(seed)")
            #expect(ElementID(source: source, baseName: Substring(id.baseName)) == id, "seed \(seed)")
        }
    }
}

struct AttributeNameTests {
    @Test(arguments: ["proof", "copies_2", "x", String(repeating: "a", count: 32), "datax", "Info"])
    func valid(_ name: String) throws { #expect(try AttributeName(name).description == name) }

    @Test(arguments: [
        "", "data", "info", "lock", "a-b", "a.b", "a/b", "..", "a b", "a\n", "é", "\0",
        String(repeating: "a", count: 33),
    ])
    func invalid(_ name: String) throws {
        let error = try #require(throws: BackupError.self) { try AttributeName(name) }
        #expect(error.code == .invalidValue)
    }
}
