import BackupModel
import BackupStorage
import BackupTestKit
import Testing

/// A storage in a temporary directory, and its files by name.
struct StoragePlace {
    let place: TemporaryDirectory
    let storage: DefaultFileStorage

    /// The path of an element's file below the temporary directory.
    func file(_ id: ElementID, _ suffix: String) -> String {
        let directory = id.source.description.dropLast(id.source.lastPart.count)
        return "store" + directory + id.fileName(suffix)
    }

    func tree() throws -> [String: String] { try contentsOfTree(place.path("store")) }
}

func withStorage(
    _ durability: DefaultFileStorage.Durability = .none, _ body: (StoragePlace) throws -> Void
) throws {
    try withTemporaryDirectory { place in
        let storage = try DefaultFileStorage(path: place.path("store"), durability: durability, create: true)
        try body(StoragePlace(place: place, storage: storage))
    }
}

func withStorage(
    _ durability: DefaultFileStorage.Durability = .none, _ body: (StoragePlace) async throws -> Void
) async throws {
    try await withTemporaryDirectory { place in
        let storage = try DefaultFileStorage(path: place.path("store"), durability: durability, create: true)
        try await body(StoragePlace(place: place, storage: storage))
    }
}
