import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Testing

@Suite struct ListingTests {
    /// Written as files, and in no order: what is listed is what lies there.
    @Test func fiveThousandElements() throws {
        try withStorage { place in
            var random = SeededGenerator()
            var expected: [ElementID] = []
            let source = try SourceURL("/host/many")
            let sister = try SourceURL("/host/sister")
            for number in 0..<5000 {
                let time = Timestamp(1_795_220_058 + Int64(number / 20))
                expected.append(
                    ElementID(
                        source: source, digits: time.digits, serial: number % 20 == 0 ? nil : number % 20 - 1,
                        type: .full))
            }
            let directory = try Directory(path: place.place.path("store/host"), create: true)
            let info = Array(#"{"BackupType": "full", "Timestamp": 1795220058}"#.utf8)
            for id in expected.shuffled(using: &random) {
                _ = try directory.createFile(id.fileName("data"))
                try directory.createFile(id.fileName("info")).write(info)
            }
            try place.storage.store(sister)
            let listed = try place.storage.elements(of: source)
            #expect(listed.usable.map(\.id) == expected, random.comment)
            #expect(listed.damaged.isEmpty)
            #expect(try place.storage.elements(of: sister).usable.count == 1)
            #expect(try place.storage.sources() == [source, sister])
            var all: [ElementID] = []
            try place.storage.forEachElement(matching: nil) { _, listed in
                if case .element(let element) = listed { all.append(element.id) }
            }
            #expect(all.count == 5001)
            #expect(all.dropLast() == expected[...], random.comment)
        }
    }

    @Test func sourcesInSources() throws {
        try withStorage { place in
            for source in ["/a", "/a/b", "/a/b/c", "/a/a", "/b/a"] {
                let source = try SourceURL(source)
                try place.storage.store(source, .inc, at: Timestamp(1_795_220_060))
                try place.storage.store(source)
            }
            #expect(try place.storage.sources().map(\.description) == ["/a", "/a/a", "/a/b", "/a/b/c", "/b/a"])
            for source in try place.storage.sources() {
                #expect(try place.storage.elements(of: source).usable.map(\.id.type) == [.full, .inc])
            }
            #expect(try place.storage.sources(matching: SourcePattern("/a/*")).map(\.description) == ["/a/a", "/a/b"])
        }
    }

    /// `.` and digits are allowed in source URLs, so a source may be called like a file of an element of another.
    @Test(arguments: ["data", "info", "lock", "copies"]) func aSourceCalledLikeAnElement(_ suffix: String) async throws
    {
        try await withStorage { place in
            let below = try SourceURL("/a/20261121001418-x-full.\(suffix)/deep")
            let inside = try place.storage.store(below)
            let odd = try place.storage.store(SourceURL("/a/20261121001418-x-full.\(suffix)"))
            let source = try SourceURL("/a/x")
            #expect(try place.storage.sources() == [odd.id.source, below])
            #expect(try place.storage.elements(of: source).usable.isEmpty)
            #expect(try place.storage.elements(of: source).damaged.isEmpty)
            let element = try place.storage.store(source)
            #expect(try place.storage.sources() == [odd.id.source, below, source])
            #expect(try place.storage.attributes(of: element.id).isEmpty)
            let verification = StorageVerification(place.storage, jobs: 1)
            for source in try place.storage.sources() {
                let result = try await verification.verify(source)
                #expect(result.isSound, "\(result)")
            }
            #expect(try verification.strayFiles() == [])
            var recovery = StorageRecovery(place.storage)
            try recovery.run(now: Timestamp(4_000_000_000))
            #expect(recovery.actions == [])
            try place.storage.delete(element.id)
            #expect(try place.storage.element(inside.id).size == inside.size)
            #expect(try place.storage.element(odd.id).size == odd.size)
        }
    }

    @Test func elementsThatVanishMeanwhile() throws {
        try withStorage { place in
            let source = try SourceURL("/a/x")
            for _ in 0..<10 { try place.storage.store(source) }
            var seen: [ElementID] = []
            try place.storage.forEachElement(of: source) { listed throws(BackupError) in
                guard case .element(let element) = listed else {
                    Issue.record("\(listed)")
                    return
                }
                if seen.isEmpty {
                    for later in try place.storage.elements(of: source).usable.dropFirst(5) {
                        try place.storage.delete(later.id)
                    }
                }
                seen.append(element.id)
            }
            #expect(seen.count == 5)
        }
    }

    @Test func directoriesThatVanishMeanwhile() throws {
        try withStorage { place in
            for source in ["/a", "/a/b", "/a/b/c", "/b/a/d", "/c/a"] { try place.storage.store(SourceURL(source)) }
            var seen: [String] = []
            try place.storage.forEachSource(matching: nil) { source in
                if seen.isEmpty {
                    place.place.remove("store/a")
                    place.place.remove("store/b")
                }
                seen.append(source.description)
            }
            #expect(seen == ["/a", "/c/a"])
            #expect(try place.storage.elements(of: SourceURL("/a/b")).usable.isEmpty)
            #expect(try place.storage.elements(of: SourceURL("/b/a/d")).usable.isEmpty)
        }
    }

    /// A name in a storage can be anything; nothing of it may stop a listing or be taken for an element.
    @Test func hostileNames() throws {
        try withStorage { place in
            let element = try place.storage.store(SourceURL("/a/x"))
            for name in [
                "x.info", ".info", "-x-full.info", "2026-x-full.info", "20261121001418-x-full",
                "20261121001418-x-.info",
                "20261121001418-x-diff.info", "20261121001418--full.info", "2026112100141800-x-full.info",
                "20261121001418-\u{e9}-full.info", "20261121001418-..-full.info", "20261121001418-x\n-full.info",
                "20261121001418-x-full.info.tmp", "99999999999999999999999999-x-full.info", "tmp-x-1", "tmp--1",
            ] { try place.place.write("store/a/" + name, "{}") }
            for name in ["sp ace", "new\nline", "..."] { try place.place.makeDirectory("store/a/" + name) }
            #expect(try place.storage.sources().map(\.description) == ["/a/x"])
            let listed = try place.storage.elements(of: element.id.source)
            #expect(listed.usable.map(\.id) == [element.id])
            #expect(listed.damaged.isEmpty)
        }
    }

    /// One bad element does not hide those after it.
    @Test func goesOnAfterDamage() throws {
        try withStorage { place in
            let source = try SourceURL("/a/x")
            let ids = try (0..<3).map { _ in try place.storage.store(source).id }
            try place.place.write(place.file(ids[1], "info"), "no JSON")
            let listed = try place.storage.elements(of: source)
            #expect(listed.usable.map(\.id) == [ids[0], ids[2]])
            #expect(listed.damaged.map(\.0) == [ids[1]])
            #expect(listed.damaged.first?.1.code == .damaged)
        }
    }
}
