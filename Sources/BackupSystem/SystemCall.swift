package import BackupModel
import Glibc

/// Calls the kernel until no signal interrupts it, and turns a failure into a `BackupError`.
///
/// `EBADF` and `EFAULT` are mistakes of ours, never of the environment: they stop the program.
@discardableResult
package func systemCall<Value: FixedWidthInteger & SignedInteger>(
    _ operation: @autoclosure () -> String, _ path: @autoclosure () -> String, _ call: () -> Value
) throws(BackupError) -> Value {
    while true {
        let result = call()
        if result != -1 { return result }
        let error = errno
        if error == EINTR { continue }
        precondition(error != EBADF && error != EFAULT, "bad descriptor or address in \(operation()) \(path())")
        throw .system(error, operation(), path())
    }
}
