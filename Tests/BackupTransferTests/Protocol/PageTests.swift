import BackupModel
import BackupTransfer
import NIOCore
import Testing

/// Pages of a listing.
@Suite struct PageTests {
    private func element(_ id: String, more: String = "") throws -> OfferedElement {
        let info = "{\"BackupType\": \"full\", \"More\": \"\(more)\", \"Timestamp\": 1795220058}"
        return OfferedElement(
            id: id, source: try SourceURL("/a/b"), metadata: try ElementMetadata(parsing: Array(info.utf8)), size: 3,
            attributes: ["copies": .object(["x": .integer(1)])])
    }

    private func offered(_ page: ElementPage) -> [OfferedElement] {
        page.elements.compactMap { if case .offered(let element) = $0 { element } else { nil } }
    }

    @Test func `Elements come back as they were listed, until the page is full`() throws {
        var builder = ElementPage.Builder(limit: 3)
        let elements = try ["/1", "/2", "/3", "/4"].map { try element($0) }
        let taken = elements.map { builder.add($0) }
        #expect(taken == [true, true, true, false])
        #expect(builder.count == 3)
        let page = try ElementPage(parsing: builder.encoded(next: "/3"))
        #expect(offered(page) == Array(elements.prefix(3)))
        #expect(page.next == "/3")
    }

    @Test func `A page ends at its size, but always has an element`() throws {
        var builder = ElementPage.Builder(limit: 1000)
        var count = 0
        while builder.add(try element("/\(count)", more: String(repeating: "x", count: 10_000))) { count += 1 }
        #expect(builder.count == count)
        let payload = builder.encoded(next: String(repeating: "c", count: 4096))
        #expect(payload.readableBytes > (512 << 10) - 11_000)
        #expect(payload.readableBytes < (512 << 10) + 5000)
        #expect(try ElementPage(parsing: payload).elements.count == count)
        var large = ElementPage.Builder(limit: 1000)
        let more = String(repeating: "x", count: 900_000)
        let taken = [large.add(try element("/large", more: more)), large.add(try element("/next"))]
        #expect(taken == [true, false])
        #expect(try ElementPage(parsing: large.encoded(next: nil)).elements.count == 1)
    }

    @Test func `An element that no page can hold does not hold up the others`() throws {
        var builder = ElementPage.Builder(limit: 10)
        // The page would be short enough for a frame without the cursor, and is not with the longest one.
        let huge = String(repeating: "x", count: (1 << 20) - 4200)
        let taken = [builder.add(try element("/huge", more: huge)), builder.add(try element("/fine"))]
        #expect(taken == [true, true])
        #expect(builder.passedOver.map(\.id) == ["/huge"])
        #expect(builder.passedOver.first?.error.message.contains("/huge") == true)
        // Behind others it is first taken for one that the next page holds.
        let isTaken = builder.add(try element("/huge2", more: huge))
        #expect(!isTaken)
        let page = try ElementPage(parsing: builder.encoded(next: nil))
        #expect(offered(page).map(\.id) == ["/fine"])
    }

    @Test func `Metadata as deep as a storage takes can be offered in both versions`() throws {
        let deep = String(repeating: "[", count: 31) + String(repeating: "]", count: 31)
        let info = "{\"BackupType\": \"full\", \"More\": \(deep), \"Timestamp\": 1795220058}"
        let metadata = try ElementMetadata(parsing: Array(info.utf8))
        let source = try SourceURL("/a")
        var builder = ElementPage.Builder(limit: 1)
        let isTaken = builder.add(OfferedElement(id: "/a", source: source, metadata: metadata, size: 0))
        #expect(isTaken)
        #expect(offered(try ElementPage(parsing: builder.encoded(next: nil))).map(\.metadata) == [metadata])
        let answer = ElementInfoAnswer(source: source, metadata: metadata)
        #expect(try ElementInfoAnswer(parsing: try answer.encoded()) == answer)
    }

    static let bad: [(place: String, value: String, reason: String)] = [
        ("source", #""/a/../../etc""#, "forbidden"), ("source", #""/a\u0000b""#, "not allowed"),
        ("source", #""/\#(String(repeating: "a/", count: 2500))a""#, "longer"), ("source", "1", "no text"),
        ("source", #""/a\u202e""#, "\\u{202e}"),
        ("id", #""/a\n""#, "visible ASCII"), ("id", #""""#, "visible ASCII"), ("id", "null", "visible ASCII"),
        ("id", #""/\#(String(repeating: "a", count: 4096))""#, "visible ASCII"),
        ("info", "null", "no object"), ("info", "[]", "no object"), ("info", "{}", "BackupType"),
        ("info.Timestamp", "-1", "Timestamp"), ("info.Timestamp", "1e3", "Timestamp"),
        ("info.Timestamp", "99999999999999999999", "Timestamp"), ("info.BackupType", #""FULL""#, "BackupType"),
        ("info.DataUuid", #""?""#, "base64"), ("info.StorageFileChecksumSha512", #""AAEC""#, "64 bytes"),
        ("info.HandlingPolicy", #"["a;b"]"#, "HandlingPolicy"), ("info.Pipeline", "1", "Pipeline"),
        ("size", "-1", "integer"), ("size", "9223372036854775808", "integer"), ("size", "1.0", "integer"),
        ("size", #""1""#, "integer"), ("attributes", "[]", "no object"),
    ]

    @Test(arguments: bad)
    func `An element that cannot be used is told with its reason, and the others are offered`(
        place: String, value: String, reason: String
    ) throws {
        let good = try JSONParser.parse(MessageSample.entry("/good"))
        let wrong = good.replacing(place.split(separator: ".").map(String.init), by: try JSONParser.parse(value))
        for entry in [wrong, try JSONParser.parse(value)] {
            let text = JSONValue.object(["elements": .array([good, entry, good]), "next": .null]).canonicalText
            let page = try ElementPage(parsing: ByteBuffer(string: text))
            #expect(offered(page).map(\.id) == ["/good", "/good"])
            guard page.elements.count == 3, case .refused(let id, let error) = page.elements[1] else {
                Issue.record("\(page)")
                return
            }
            #expect(error.code == .untrusted)
            #expect(entry != wrong || error.description.contains(reason), "\(error)")
            #expect(id == (entry == wrong && place != "id" ? "/good" : nil))
            #expect(error.description.utf8.count < 2000)
        }
    }

    @Test(arguments: [
        #"{"elements": null, "next": null}"#, #"{"next": null}"#, #"[]"#, #"{"elements": [], "next": 5}"#,
        #"{"elements": [], "next": ""}"#, #"{"elements": [], "next": "a b"}"#,
        #"{"elements": [\#((0..<1001).map { _ in "1" }.joined(separator: ","))], "next": null}"#,
        #"{"elements": [{"id": "/a", "id": "/b"}], "next": null}"#,
    ])
    func `A page that is wrong as a whole is refused`(text: String) throws {
        let error = try #require(throws: BackupError.self) { try ElementPage(parsing: ByteBuffer(string: text)) }
        #expect(error.code == .untrusted)
    }
}
