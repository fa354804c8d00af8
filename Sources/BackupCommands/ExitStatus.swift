import BackupEngine
import BackupModel

/// The one table from errors to exit codes. It is documented in `doc/operation.md` and in `gb --help`.
enum ExitStatus {
    static let failed: Int32 = 1
    static let policyViolation: Int32 = 2
    static let partlyDone: Int32 = 3
    static let damaged: Int32 = 4
    static let usage: Int32 = 64
    static let notFound: Int32 = 66
    static let temporary: Int32 = 75
    static let configuration: Int32 = 78

    static func of(_ error: BackupError) -> Int32 {
        switch error.code {
        case .usage, .invalidValue: usage
        case .configuration, .keyUnusable, .programMissing: configuration
        case .notFound: notFound
        case .damaged, .untrusted: damaged
        case .policyViolation: policyViolation
        case .partlyDone: partlyDone
        case .busy, .noSpace, .resources: temporary
        case .interrupted: 128 + ((error.cause as? SignalReceived)?.number ?? 15)
        default: failed
        }
    }
}
