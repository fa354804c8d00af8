import BackupCrypto
import BackupModel
import Foundation
import Testing

struct KeyDirectoryTests {
    private func refusal(_ path: String) throws -> BackupError {
        try #require(throws: BackupError.self) { try KeyRing(directory: path) }
    }

    @Test func missingDirectoryTellsHowToMakeIt() throws {
        let folder = try Folder()
        let error = try refusal(folder.path + "/it's not")
        #expect(error.code == .keyUnusable)
        #expect(error.remedy.contains("mkdir -m 700 '\(folder.path)/it'\\''s not'"))
    }

    @Test func aFileIsNoDirectory() throws {
        let folder = try Folder()
        try Data().write(to: URL(fileURLWithPath: folder.path + "/file"))
        #expect(try refusal(folder.path + "/file").code == .invalidValue)
        #expect(try refusal(folder.path + "/file/below").code == .keyUnusable)
    }

    @Test(arguments: ["", "keys", "./keys", "/tmp\0/x"])
    func onlyAbsolutePaths(_ path: String) throws {
        #expect(try refusal(path).code == .invalidValue)
    }

    @Test func othersMayNotWriteAndShouldNotRead() throws {
        let folder = try Folder()
        for (mode, isRefused, hasWarning) in [
            (0o700, false, false), (0o750, false, true), (0o755, false, true), (0o770, true, false),
            (0o707, true, false),
        ] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.path)
            if isRefused {
                let error = try refusal(folder.path)
                #expect(error.code == .permission)
                #expect(error.remedy.contains("chmod 700"))
            } else {
                #expect(try KeyRing(directory: folder.path).warnings.isEmpty == !hasWarning)
            }
        }
    }
}
