import BackupModel
import CGpgme

/// Bytes that `gpg` reads or writes.
struct GpgData: ~Copyable {
    let handle: gpgme_data_t

    /// Takes over what a function of the library made.
    private init(_ handle: gpgme_data_t?, _ error: gpgme_error_t) throws(BackupError) {
        guard gpgme_err_code(error) == GPG_ERR_NO_ERROR, let handle else {
            throw BackupError(.resources, "no GPGME buffer could be made: \(GpgContext.text(error))")
        }
        self.handle = handle
    }

    /// A place for output.
    init() throws(BackupError) {
        var handle: gpgme_data_t?
        let error = gpgme_data_new(&handle)
        try self.init(handle, error)
    }

    /// A copy of `bytes`.
    init(_ bytes: [UInt8]) throws(BackupError) {
        var handle: gpgme_data_t?
        let error = bytes.withUnsafeBytes { buffer in
            gpgme_data_new_from_mem(&handle, buffer.baseAddress, buffer.count, 1)
        }
        try self.init(handle, error)
    }

    /// What can be read from an open descriptor; it stays the caller's.
    init(descriptor: CInt) throws(BackupError) {
        var handle: gpgme_data_t?
        let error = gpgme_data_new_from_fd(&handle, descriptor)
        try self.init(handle, error)
    }

    deinit { gpgme_data_release(handle) }

    /// What was written, at most `limit` bytes; `nil` when there is more.
    func bytes(limit: Int) -> [UInt8]? {
        guard gpgme_data_seek(handle, 0, SEEK_SET) == 0 else { return nil }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = gpgme_data_read(handle, &chunk, chunk.count)
            guard count >= 0, result.count + count <= limit else { return nil }
            if count == 0 { return result }
            result += chunk[..<count]
        }
    }
}
