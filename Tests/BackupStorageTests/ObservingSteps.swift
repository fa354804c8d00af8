import BackupModel

@testable import BackupStorage

/// Runs `body` and calls `observer` after each step of a group commit in it; what that throws, the step fails with.
func observingSteps<Value>(
    _ observer: @escaping @Sendable (_ step: String) throws(BackupError) -> Void, _ body: () throws -> Value
) throws -> Value {
    try GroupSteps.$observer.withValue(observer, operation: body)
}

/// Runs `body` in the midst of the steps of a group without observing its own.
func unobserved<Value>(_ body: () throws -> Value) throws -> Value {
    try GroupSteps.$observer.withValue(nil, operation: body)
}
