import BackupModel
import Glibc
import Testing

@testable import BackupSystem

@Suite struct SystemErrorTests {
    /// What the exit code and the remedy of a whole run depend on.
    private static let table: [(CInt, BackupError.Code)] = [
        (ENOSPC, .noSpace), (EDQUOT, .noSpace), (EFBIG, .noSpace),
        (EROFS, .readOnly),
        (EACCES, .permission), (EPERM, .permission),
        (ENOENT, .notFound), (ENOTDIR, .notFound),
        (ENFILE, .resources), (EMFILE, .resources), (ENOMEM, .resources), (EAGAIN, .resources),
        (EEXIST, .exists),
        (ELOOP, .untrusted), (EXDEV, .untrusted),
        (ENAMETOOLONG, .invalidValue),
        (EBUSY, .busy), (ETXTBSY, .busy),
        (EIO, .inputOutput), (EINVAL, .inputOutput), (EPIPE, .inputOutput), (9999, .inputOutput),
    ]

    @Test(arguments: table.indices) func classification(_ index: Int) {
        let (number, code) = Self.table[index]
        let error = BackupError.system(number, "write", "/a/b\u{7}")
        #expect(error.code == code)
        #expect(error.message.hasPrefix("cannot write /a/b\\u{7}: "))
        #expect(error.message.count > "cannot write /a/b\\u{7}: ".count, "the reason is missing")
    }

    /// Who reads these can do something about it, and is told what.
    @Test(arguments: [ENOSPC, EDQUOT, EFBIG, EROFS, EACCES, EPERM, EMFILE, ENFILE, ENOMEM, EAGAIN, ELOOP, EXDEV, EIO])
    func wayOut(_ number: CInt) {
        #expect(!BackupError.system(number, "write", "x").remedy.isEmpty)
    }

    @Test func interruptedCallsAreRepeated() throws {
        var calls = 0
        let result = try systemCall("read", "x") { () -> Int in
            calls += 1
            if calls < 4 {
                errno = EINTR
                return -1
            }
            return 7
        }
        #expect(result == 7)
        #expect(calls == 4)
        let error = try #require(throws: BackupError.self) {
            _ = try systemCall("read", "x") { () -> CInt in
                errno = EIO
                return -1
            }
        }
        #expect(error.code == .inputOutput)
    }
}
