import BackupConfig
import BackupCrypto
import BackupModel
import BackupSystem

extension ConfigurationCheck {
    /// Makes a signature with each key that signs elements, and drops it.
    mutating func checkSigning() {
        let pipelines = [installation.main.pipeline] + installation.configuration.units.map(\.pipeline)
        let builder = PipelineBuilder(
            keysDirectory: installation.main.general.keysDirectory, now: installation.clock.now())
        for fingerprint in Set(pipelines.compactMap(\.signing)).sorted() {
            do throws(BackupError) {
                if let signer = try builder.signer(fingerprint) {
                    report(signer, "signing", "can sign", end: "nothing is backed up")
                }
            } catch {
                add(.error, "signing", error.description)
            }
        }
    }

    /// - Parameter end: what comes of it when the key expires.
    mutating func report(_ signer: Signer, _ subject: String, _ good: String, end: String) {
        add(.good, subject, "\(signer.fingerprint) (\(signer.userID.escapedForMessage)) \(good)")
        guard let expires = signer.expires, (expires - installation.clock.now()).seconds < Self.keyWarning else {
            return
        }
        add(
            .warning, subject,
            "\(signer.fingerprint) expires at \(expires): after that \(end), and what it has signed is refused; extend "
                + "it, and import it again where signatures are checked")
    }
}
