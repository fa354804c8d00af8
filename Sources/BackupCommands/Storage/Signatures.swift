import ArgumentParser
import BackupCrypto
import BackupEngine
import BackupModel

/// For commands that can demand signatures.
struct SignaturesOption: ParsableArguments {
    @Option(
        name: [.customLong("signatures"), .customLong("require-signature")], parsing: .upToNextOption,
        help: ArgumentHelp(
            "Demand that each element is signed by one of these keys of the keys directory, named by fingerprint.",
            valueName: "FINGERPRINT"))
    var allowed: [String] = []

    /// `nil` when signatures are not asked for.
    func check(_ installation: Installation, jobs: Int) throws(BackupError) -> SignatureCheck? {
        allowed.isEmpty ? nil : try installation.signatureCheck(allowed: allowed, jobs: jobs)
    }
}

extension SignatureCheck.SourceResult {
    /// As `--json` output shows it.
    func add(to object: inout JSONObject) {
        object["signed"] = .integer(signed.count)
        object["untrusted"] = .array(
            refused.map { .object(["element": .string($0.id.description), "error": $0.error.json]) })
    }
}

extension SignatureStatement {
    /// For people.
    var text: String {
        switch self {
        case .none: "none"
        case .good(let result): "good, by the key \(result.fingerprint), made at \(result.time)"
        case .refused(let error): "NOT GOOD: \(error)"
        }
    }

    /// For `--json` output.
    var json: JSONValue {
        switch self {
        case .none: .null
        case .good(let result):
            .object([
                "good": .bool(true), "fingerprint": .string(result.fingerprint),
                "time": .string(result.time.description),
            ])
        case .refused(let error): .object(["good": .bool(false), "error": error.json])
        }
    }
}
