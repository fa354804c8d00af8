import BackupConfig
import BackupModel
import Glibc
import Testing

/// A configuration directory in a temporary directory, removed with the value that owns it.
final class TemporaryConfiguration {
    static let plainMain = "pipeline: { encryption: none }\n"

    let root: String
    var directory: String { root + "/etc" }

    init(main: String? = TemporaryConfiguration.plainMain) throws {
        var template = Array("/tmp/gb-config-XXXXXX".utf8CString)
        let path = try #require(mkdtemp(&template))
        // Error messages show resolved paths.
        let resolved = try #require(realpath(path, nil))
        root = String(cString: resolved)
        free(resolved)
        for name in ["etc", "etc/units", "lib"] { try #require(mkdir(root + "/" + name, 0o755) == 0) }
        if let main { try write("etc/config", main) }
    }

    deinit { Self.remove(root) }

    private static func remove(_ path: String) {
        var information = stat()
        guard lstat(path, &information) == 0 else { return }
        if information.st_mode & S_IFMT == S_IFDIR, let directory = opendir(path) {
            var names: [String] = []
            while let entry = readdir(directory) {
                names.append(
                    withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                )
            }
            closedir(directory)
            for name in names where name != "." && name != ".." { remove(path + "/" + name) }
        }
        _ = Glibc.remove(path)
    }

    func write(_ name: String, _ text: String) throws { try write(name, bytes: Array(text.utf8)) }

    func write(_ name: String, bytes: [UInt8], mode: mode_t = 0o644) throws {
        let file = try #require(fopen(root + "/" + name, "w"))
        let written = fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        try #require(written == bytes.count)
        try #require(chmod(root + "/" + name, mode) == 0)
    }

    func link(_ name: String, to target: String) throws {
        try #require(symlink(target, directory + "/units/" + name) == 0)
    }

    /// Enables a unit with a definition of its own.
    func unit(_ name: String, definition: String, overlay: String? = nil) throws {
        try write("lib/" + name, definition)
        try link(name, to: root + "/lib/" + name)
        if let overlay { try write("etc/units/\(name).config", overlay) }
    }

    func load() throws(BackupError) -> LoadedConfiguration { try ConfigurationDirectory(path: directory).load() }

    /// What loading the main configuration says, with the directory written as `ETC`.
    func mainError() throws -> String {
        let error = try #require(throws: BackupError.self) { try self.load() }
        #expect(error.code == .configuration)
        return error.description.replacing(directory, with: "ETC")
    }

    /// What is wrong with the unit `name`, with the directories written as `ETC` and `LIB`.
    func unitError(_ name: String) throws -> String {
        let errors = try #require(try load().unitErrors.first { $0.unit == name })
        #expect(errors.errors.allSatisfy { $0.code == .configuration })
        return errors.combined.description.replacing(directory, with: "ETC").replacing(root + "/lib", with: "LIB")
    }
}
