import BackupModel
import BackupStorage
import BackupSystem
import Testing

/// What a storage promises to a transfer.
extension ElementStorageContract {
    /// A new element with these bytes in memory.
    private static func pending(
        _ source: SourceURL, _ data: [UInt8], _ type: BackupType = .full, at seconds: Int64 = 1_795_220_058
    ) -> PendingElement {
        PendingElement(
            source: source, metadata: makeMetadata(type, at: Timestamp(seconds), data: data), content: .bytes(data))
    }

    static func groups(_ storage: any ElementStorage) throws {
        #expect(storage.commit([]).isEmpty)
        let sources = try ["/a/x", "/a/y", "/b/c/x", "/z"].map(SourceURL.init)
        let first = try storage.store(sources[0])
        var random = SeededGenerator()
        // More than are synced one by one; all of one second.
        let pending = (0..<30).map { number in
            Self.pending(
                sources[number % 4], random.bytes(number % 3 == 0 ? 0 : 4096 + number), number % 5 == 0 ? .full : .inc)
        }
        let ids = try storage.commit(pending).map { try $0.get() }
        #expect(Set(ids + [first.id]).count == 31, "a name was given twice")
        for (id, element) in zip(ids, pending) {
            #expect(id.source == element.source)
            #expect(try storage.element(id).metadata == element.metadata)
            guard case .bytes(let bytes) = element.content else { continue }
            #expect(try storage.data(id) == bytes, random.comment)
        }
        for source in sources {
            let expected = (ids + [first.id]).filter { $0.source == source }.sorted()
            let listed = try storage.elements(of: source)
            #expect(listed.usable.map(\.id) == expected)
            #expect(listed.damaged.isEmpty)
        }
        // In the order of the group, which is that of the serial numbers.
        let incs = ids.filter { $0.source == sources[1] && $0.type == .inc }
        #expect(incs.map(\.serial) == [nil] + (0..<incs.count - 1).map { $0 })
        #expect(try storage.store(sources[1], .inc).id.serial == incs.count - 1)
        #expect(try storage.commit([Self.pending(sources[1], [1], .inc)]).first?.get().serial == incs.count)
    }

    static func groupWithRefused(_ storage: any ElementStorage, _ source: SourceURL) throws {
        let filler = String(repeating: "x", count: ElementMetadata.maximumSize)
        let record = StageRecord(stage: "process", restore: nil, other: ["Note": .string(filler)])
        let file = try storage.openPartial(PartialKey([UInt8](repeating: 1, count: 16)))
        let group = [
            pending(source, [0]),
            PendingElement(source: source, metadata: makeMetadata(pipeline: [record]), content: .bytes([1])),
            pending(source, [2]),
            PendingElement(source: source, metadata: makeMetadata(), content: .partial(file)),
            // One file cannot become two elements.
            PendingElement(source: source, metadata: makeMetadata(), content: .partial(file)),
        ]
        let results = storage.commit(group)
        #expect(results.map { (try? $0.get()) != nil } == [true, false, true, true, false])
        guard case .failure(let error) = results[1] else { return }
        #expect(error.code == .invalidValue)
        #expect(try storage.elements(of: source).usable.map(\.id) == results.compactMap { try? $0.get() })
        #expect(try storage.elements(of: source).damaged.isEmpty)
    }

    static func groupDeletion(_ storage: any ElementStorage, _ source: SourceURL) throws {
        var ids = try storage.commit((0..<25).map { pending(source, [$0]) }).map { try $0.get() }
        let other = try storage.store(SourceURL("/other/x")).id
        let name = try AttributeName("fact")
        for id in ids + [other] { try storage.setAttribute(name, of: id, to: [1]) }
        let unknown = ElementID(source: source, digits: "19990101000000", serial: nil, type: .full)
        let elsewhere = ElementID(source: try SourceURL("/nowhere/x"), digits: "19990101000000", serial: 1, type: .inc)
        // Serial 1 is the beginning of 10 to 19; one is named twice.
        let wanted = [ids[2], unknown, ids[0], elsewhere, other, ids[2]] + ids[4...20]
        let results = storage.delete(wanted)
        #expect(results.count == wanted.count)
        for (position, result) in results.enumerated() {
            switch result {
            case .success: #expect(![1, 3, 5].contains(position))
            case .failure(let error):
                #expect([1, 3, 5].contains(position), "\(error)")
                #expect(error.code == .notFound)
            }
        }
        ids.removeAll { wanted.contains($0) }
        #expect(try storage.elements(of: source).usable.map(\.id) == ids)
        for id in ids { #expect(try storage.attribute(name, of: id) == [1]) }
        #expect(try storage.sources() == [source])
        #expect(storage.delete([]).isEmpty)
    }

    static func groupAttributes(_ storage: any ElementStorage, _ source: SourceURL) throws {
        let ids = try storage.commit((0..<25).map { pending(source, [$0]) }).map { try $0.get() }
        let other = try storage.store(SourceURL("/other/x")).id
        let unknown = ElementID(source: source, digits: "19990101000000", serial: nil, type: .full)
        let name = try AttributeName("copies")
        try storage.setAttribute(name, of: ids[3], to: [9])
        var values: [(ElementID, [UInt8]?)] = ids.enumerated().map { ($1, [UInt8($0)]) }
        values += [(unknown, [1]), (other, [7]), (ids[3], nil), (ids[4], [4, 4])]
        let third = try storage.store(SourceURL("/other/y")).id
        values.append((third, [UInt8](repeating: 1, count: (1 << 20) + 1)))
        let results = storage.setAttribute(name, to: values)
        #expect(results.count == values.count)
        let refused: [Int: BackupError.Code] = [25: .notFound, 29: .invalidValue]
        for (position, result) in results.enumerated() {
            if case .failure(let error) = result { #expect(error.code == refused[position], "\(position): \(error)") }
            if case .success = result { #expect(refused[position] == nil, "\(position)") }
        }
        for (position, id) in ids.enumerated() {
            let expected: [UInt8]? =
                switch position {
                case 3: nil
                case 4: [4, 4]
                default: [UInt8(position)]
                }
            #expect(try storage.attribute(name, of: id) == expected, "\(position)")
            #expect(try storage.attributes(of: id) == (expected == nil ? [] : [name]))
        }
        #expect(try storage.attribute(name, of: other) == [7])
        #expect(try storage.attributes(of: third) == [])
        #expect(try storage.elements(of: source).usable.map(\.id) == ids)
        #expect(storage.setAttribute(name, to: []).isEmpty)
        let changed = storage.changeAttribute(name, of: [ids[4], ids[3], unknown, ids[5]]) {
            number, old throws(BackupError) in
            if number == 3 { throw BackupError(.failed, "not this one") }
            return (old ?? []) + [UInt8(number)]
        }
        #expect(changed.map { (try? $0.get()) != nil } == [true, true, false, false])
        #expect(try [4, 3, 5].map { try storage.attribute(name, of: ids[$0]) } == [[4, 4, 0], [1], [5]])
    }

    // MARK: - Partial files

    private static func write(_ bytes: [UInt8], to file: PartialFile, at offset: Int64) throws {
        try bytes.withUnsafeBytes { buffer in try file.descriptor.write(buffer, at: offset) }
    }

    static func partials(_ storage: any ElementStorage) throws {
        let key = PartialKey(Array(0..<32))
        let file = try storage.openPartial(key)
        #expect(try file.note() == nil)
        try write(Array("first".utf8), to: file, at: 0)
        try file.checkpoint([1, 2])
        #expect(try file.note() == [1, 2])
        let error = try #require(throws: BackupError.self) { _ = try storage.openPartial(key) }
        #expect(error.code == .busy)
        let other = try storage.openPartial(PartialKey(Array(1..<33)))
        #expect(try other.note() == nil)
        other.discard()
        file.close()

        let again = try storage.openPartial(key)
        #expect(try again.note() == [1, 2])
        #expect(try again.descriptor.status().size == 5)
        try write(Array("second".utf8), to: again, at: 5)
        #expect(throws: BackupError.self) {
            try again.checkpoint([UInt8](repeating: 1, count: PartialFile.maximumNoteSize + 1))
        }
        #expect(try again.note() == [1, 2])
        try again.checkpoint([UInt8](repeating: 3, count: PartialFile.maximumNoteSize))
        #expect(try again.note()?.count == PartialFile.maximumNoteSize)
        try again.truncate(to: 11)
        #expect(try again.note() != nil)
        // The note may speak of what is cut off.
        try again.truncate(to: 3)
        #expect(try again.note() == nil)
        again.close()
        let short = try storage.openPartial(key)
        #expect(try short.note() == nil)
        #expect(try short.descriptor.readAll(limit: 100) == Array("fir".utf8))
        short.discard()
        let new = try storage.openPartial(key)
        #expect(try new.descriptor.status().size == 0)
        #expect(try storage.sources().isEmpty, "a partial file is no element")
        new.discard()
    }

    static func partialElements(_ storage: any ElementStorage, _ source: SourceURL) throws {
        var random = SeededGenerator()
        let keys = (0..<12).map { PartialKey([UInt8](repeating: $0, count: 20)) }
        var contents: [[UInt8]] = []
        var group: [PendingElement] = []
        for (number, key) in keys.enumerated() {
            contents.append(random.bytes(number * 10_000))
            let file = try storage.openPartial(key)
            try write(contents[number], to: file, at: 0)
            if number % 2 == 0 { try file.checkpoint([UInt8(number)]) }
            group.append(
                PendingElement(
                    source: source, metadata: makeMetadata(data: contents[number]), content: .partial(file)))
        }
        let alone = storage.commit([group[0]]) + storage.commit(Array(group[1...]))
        let ids = try alone.map { try $0.get() }
        #expect(try storage.elements(of: source).usable.map(\.id) == ids)
        for (number, id) in ids.enumerated() { #expect(try storage.data(id) == contents[number], random.comment) }
        for result in storage.commit(group) { #expect(throws: BackupError.self) { _ = try result.get() } }
        #expect(try storage.elements(of: source).usable.count == keys.count)
        // The keys are free for new files, which are not those of the elements.
        for key in keys {
            let file = try storage.openPartial(key)
            #expect(try file.descriptor.status().size == 0)
            #expect(try file.note() == nil)
            file.discard()
        }
        for (number, id) in ids.enumerated() { #expect(try storage.data(id) == contents[number]) }
    }

    static func oldPartials(_ storage: any ElementStorage) throws {
        let keys = (0..<3).map { PartialKey([UInt8](repeating: $0, count: 16)) }
        for key in keys {
            let file = try storage.openPartial(key)
            try write([1], to: file, at: 0)
            try file.checkpoint([1])
            file.close()
        }
        let held = try storage.openPartial(keys[0])
        // They were written just now, by the system's clock.
        let now = SystemClock().now()
        #expect(try storage.removePartials(before: now - TimeSpan(seconds: 1000)) == 0)
        #expect(try storage.removePartials(before: now + TimeSpan(seconds: 1000)) == 2)
        #expect(try storage.removePartials(before: now + TimeSpan(seconds: 1000)) == 0)
        #expect(try held.note() == [1])
        held.close()
        let kept = try storage.openPartial(keys[0])
        #expect(try kept.note() == [1])
        let gone = try storage.openPartial(keys[1])
        #expect(try gone.note() == nil)
        kept.discard()
        gone.discard()
    }

    // MARK: - Questions

    static func chains(_ storage: any ElementStorage) throws {
        var random = SeededGenerator()
        var expected: [SourceURL: [ElementID]] = [:]
        let sources = try ["/a/x", "/a/y", "/b"].map(SourceURL.init)
        for source in sources {
            var last: StoredElement?
            for number in 0..<20 {
                // The clock jumps; the chain does not.
                let time = Timestamp(1_795_220_058 + Int64.random(in: 0...9, using: &random))
                let element = try storage.store(
                    source, number % 6 == 0 ? .full : .inc, at: time, data: [UInt8(number)], after: last)
                expected[source, default: []].append(element.id)
                last = element
            }
        }
        for pattern in [nil, try SourcePattern("/a")] {
            var listed: [ElementID] = []
            try storage.forEachElementInChainOrder(matching: pattern) { element in
                #expect(element.size == 1)
                listed.append(element.id)
            }
            #expect(
                listed == (try storage.sources(matching: pattern)).flatMap { expected[$0] ?? [] }, random.comment)
        }
    }

    static func uuids(_ storage: any ElementStorage, _ source: SourceURL) throws {
        let elements = try (0..<20).map { number in
            try storage.store(source, number % 2 == 0 ? .full : .inc, data: [UInt8(number)])
        }
        let text = #"{"BackupType": "full", "Timestamp": 1795220058}"#
        try storage.store(source, ElementMetadata(parsing: Array(text.utf8)), data: [])
        let other = try storage.store(SourceURL("/host1/other"))
        var index = try storage.uuidIndex(of: source)
        #expect(index.count == 20)
        for element in elements {
            let uuid = try #require(element.metadata.uuid)
            #expect(index.id(of: uuid) == element.id)
        }
        let unknown = try #require(other.metadata.uuid)
        #expect(index.id(of: unknown) == nil)
        index.insert(unknown, other.id)
        #expect(index.id(of: unknown) == nil, "it is of another source")
        let new = try #require(ElementUUID(Array("new".utf8)))
        index.insert(new, elements[3].id)
        #expect(index.id(of: new) == elements[3].id)
        #expect(try storage.uuidIndex(of: SourceURL("/none")).count == 0)
    }
}
