import BackupModel
import Glibc

/// What a directory must be like to hold keys.
enum KeyDirectory {
    /// - Returns: Warnings.
    static func check(_ path: String) throws(BackupError) -> [String] {
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw .keyDirectory(.invalidValue, path, "it is no absolute path", remedy: "write the path from / on")
        }
        var status = stat()
        guard stat(path, &status) == 0 else {
            let number = errno
            if number == ENOENT || number == ENOTDIR {
                throw .keyDirectory(
                    .keyUnusable, path, "it does not exist",
                    remedy: "make it with `mkdir -m 700 \(path.quotedForShell)` and import the public keys with "
                        + "`gpg --homedir \(path.quotedForShell) --import FILE`")
            }
            throw .keyDirectory(
                number == EACCES ? .permission : .inputOutput, path, String(cString: strerror(number)), remedy: "")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw .keyDirectory(
                .invalidValue, path, "it is no directory", remedy: "name a GnuPG home directory in keys_directory")
        }
        guard access(path, R_OK | X_OK) == 0 else {
            throw .keyDirectory(
                .permission, path, "it is not readable for the user with the ID \(geteuid())",
                remedy: "run as its owner, or `chown` it")
        }
        // Whoever can write here can put other keys and settings in place of these.
        guard status.st_mode & 0o022 == 0 else {
            throw .keyDirectory(
                .permission, path, "others than its owner can write to it",
                remedy: "run `chmod 700 \(path.quotedForShell)` and check the keys in it")
        }
        var warnings: [String] = []
        if status.st_mode & 0o055 != 0 {
            warnings.append(
                "others than its owner can read the keys directory \(path.escapedForMessage); "
                    + "`chmod 700 \(path.quotedForShell)` closes it")
        }
        if status.st_uid != geteuid(), status.st_uid != 0 {
            warnings.append(
                "the keys directory \(path.escapedForMessage) belongs to the user with the ID \(status.st_uid), "
                    + "who can replace the keys in it")
        }
        return warnings
    }
}
