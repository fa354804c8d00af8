import BackupModel
import BackupStorage
import BackupTestKit
import Testing

@Suite struct AttributeTests {
    @Test func lieBesideTheElement() throws {
        try withStorage(.element) { place in
            let id = try place.storage.store(SourceURL("/a/x")).id
            let before = try place.tree()
            try place.storage.setAttribute(AttributeName("copies"), of: id, to: Array("one".utf8))
            #expect(try place.place.read(place.file(id, "copies")) == Array("one".utf8))
            try place.storage.setAttribute(AttributeName("copies"), of: id, to: Array("two".utf8))
            #expect(try place.storage.attribute(AttributeName("copies"), of: id) == Array("two".utf8))
            let changed = treeDifferences(before, try place.tree()).filter { !$0.hasPrefix("a:") }
            #expect(changed.count == 1, "\(changed)")
            #expect(changed.first?.contains("copies: only right: file size=3 mode=600") == true)
        }
    }

    @Test func tooLargeOnesAreRefused() throws {
        try withStorage { place in
            let id = try place.storage.store(SourceURL("/a/x")).id
            let name = try AttributeName("copies")
            try place.storage.setAttribute(name, of: id, to: Array("old".utf8))
            let before = try place.tree()
            let error = try #require(throws: BackupError.self) {
                try place.storage.setAttribute(name, of: id, to: [UInt8](repeating: 1, count: (1 << 20) + 1))
            }
            #expect(error.code == .invalidValue)
            #expect(error.message.contains("copies"))
            #expect(!error.remedy.isEmpty)
            #expect(treeDifferences(before, try place.tree()) == [])
            // One that somebody else made larger is not read.
            try place.place.write(place.file(id, "copies"), [UInt8](repeating: 1, count: (1 << 20) + 1))
            #expect(throws: BackupError.self) { _ = try place.storage.attribute(name, of: id) }
        }
    }

    /// What a crash left of a new value is in nobody's way.
    @Test func leftoverNewValue() throws {
        try withStorage { place in
            let id = try place.storage.store(SourceURL("/a/x")).id
            try place.place.write(place.file(id, "newvalue"), "half")
            #expect(try place.storage.attributes(of: id).isEmpty)
            let error = try #require(throws: BackupError.self) {
                try place.storage.setAttribute(AttributeName("newvalue"), of: id, to: [1])
            }
            #expect(error.code == .invalidValue)
            try place.storage.setAttribute(AttributeName("copies"), of: id, to: Array("whole".utf8))
            #expect(try place.storage.attribute(AttributeName("copies"), of: id) == Array("whole".utf8))
            #expect(!place.place.exists(place.file(id, "newvalue")))
            try place.place.write(place.file(id, "newvalue"), "half")
            try place.storage.delete(id)
            #expect(place.place.names("store/a").isEmpty)
        }
    }

    @Test func linksAreNotFollowed() throws {
        try withStorage { place in
            let id = try place.storage.store(SourceURL("/a/x")).id
            let outside = try place.place.write("outside", "secret")
            try place.place.link(place.file(id, "copies"), to: outside)
            let name = try AttributeName("copies")
            let error = try #require(throws: BackupError.self) { _ = try place.storage.attribute(name, of: id) }
            #expect(error.code == .untrusted)
            try place.storage.setAttribute(name, of: id, to: Array("mine".utf8))
            #expect(try place.storage.attribute(name, of: id) == Array("mine".utf8))
            try place.place.link(place.file(id, "other"), to: outside)
            try place.storage.delete(id)
            #expect(try place.place.read("outside") == Array("secret".utf8))
            #expect(place.place.names("store/a").isEmpty)
        }
    }

    /// Only files of exactly this element go; the names of these begin with its name or hold it.
    @Test func deletionTouchesNoNeighbour() throws {
        try withStorage(.element) { place in
            let id = try place.storage.store(SourceURL("/a/x")).id
            let neighbours = [
                "20261121001418-x-full2.data", "20261121001418-x-full2.info", "20261121001418-x-full-2.data",
                "20261121001418-x-full", "20261121001418-x-full.", "20261121001418-x-full.a-b",
                "20261121001418-x-full.a.b",
                "20261121001418-x-full.info.tmp", "202611210014181-x-full.data", "2026112100141810-x-full.data",
                "20261121001418-x-inc.copies", "020261121001418-x-full.data", "20261121001418-y-full.data",
            ]
            for name in neighbours { try place.place.write("store/a/" + name, "text") }
            try place.storage.setAttribute(AttributeName("copies"), of: id, to: [1])
            try place.storage.delete(id)
            #expect(place.place.names("store/a") == neighbours.sorted())
        }
    }
}
