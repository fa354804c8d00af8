import BackupModel
import CGpgme

/// One GPGME context with a home directory of its own. It is made for one call and not shared, so it needs no locks.
struct GpgContext: ~Copyable {
    let handle: OpaquePointer
    let directory: String

    /// GPGME wants to be initialised once, before anything else and by one thread: Swift sees to that for `static let`.
    private static let libraryVersion: String? = gb_gpgme_check_version(nil).map { String(cString: $0) }

    private init(directory: String) throws(BackupError) {
        guard Self.libraryVersion != nil else { throw .gpgMissing("the library GPGME is not usable") }
        var handle: OpaquePointer?
        let error = gpgme_new(&handle)
        guard let handle else {
            throw BackupError(.resources, "no GPGME context could be made: \(Self.text(error))")
        }
        self.handle = handle
        self.directory = directory
    }

    /// A context that was found to have a `gpg` that runs.
    ///
    /// - Parameter program: The `gpg` to run; `nil` for the one that GnuPG's own configuration names.
    /// - Throws: `BackupError` with code `programMissing` or `resources`.
    static func open(directory: String, program: String?) throws(BackupError) -> GpgContext {
        let context = try GpgContext(directory: directory)
        let result = gpgme_ctx_set_engine_info(context.handle, GPGME_PROTOCOL_OpenPGP, program, directory)
        guard gpgme_err_code(result) == GPG_ERR_NO_ERROR else { throw .gpgMissing(text(result)) }
        // The library reports the version 1.0.0 for a program that does not exist or does not run.
        let fields = (context.version ?? "").split(separator: ".").prefix(2).map { Int($0) ?? 0 }
        guard fields.count == 2, fields[0] > 2 || fields[0] == 2 && fields[1] >= 1 else {
            throw .gpgMissing((program ?? "gpg").escapedForMessage + " does not run, or is older than GnuPG 2.1")
        }
        return context
    }

    deinit { gpgme_release(handle) }

    /// What `gpg --version` says; `nil` when the program does not run.
    var version: String? {
        var info = gpgme_ctx_get_engine_info(handle)
        while let engine = info {
            if engine.pointee.protocol == GPGME_PROTOCOL_OpenPGP {
                return engine.pointee.version.map { String(cString: $0) }
            }
            info = engine.pointee.next
        }
        return nil
    }

    /// Calls `body` with each key that `pattern` means, all keys for `nil`.
    func forEachKey(
        _ pattern: String?, secretOnly: Bool, _ body: (gpgme_key_t) -> Void
    ) throws(BackupError) {
        try check(
            gpgme_set_keylist_mode(
                handle, gpgme_keylist_mode_t(GPGME_KEYLIST_MODE_LOCAL | GPGME_KEYLIST_MODE_WITH_KEYGRIP)),
            "listing keys")
        try check(gpgme_op_keylist_start(handle, pattern, secretOnly ? 1 : 0), "listing keys")
        defer { _ = gpgme_op_keylist_end(handle) }
        while true {
            var key: gpgme_key_t?
            let error = gpgme_op_keylist_next(handle, &key)
            if gpgme_err_code(error) == GPG_ERR_EOF { return }
            try check(error, "listing keys")
            guard let key else { return }
            body(key)
            gpgme_key_unref(key)
        }
    }

    func check(_ error: gpgme_error_t, _ operation: String) throws(BackupError) {
        switch gpgme_err_code(error) {
        case GPG_ERR_NO_ERROR: return
        case GPG_ERR_INV_ENGINE: throw .gpgMissing(Self.text(error))
        default: throw .gpgFailed(operation, directory, Self.text(error))
        }
    }

    /// The library's words. `gpgme_strerror` is not safe with threads, this form is.
    static func text(_ error: gpgme_error_t) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        gpgme_strerror_r(error, &buffer, buffer.count)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
