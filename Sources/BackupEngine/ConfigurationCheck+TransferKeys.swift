import BackupConfig
import BackupCrypto
import BackupModel
import BackupSystem

/// The keys that transfers sign with, and those whose signatures they demand.
extension ConfigurationCheck {
    /// A listener or a peer.
    private struct End {
        let subject: String
        let sender: SenderSettings?
        let receiver: ReceiverSettings?

        /// The keys of which signatures are demanded, with the key of the configuration that does so.
        var demands: [(setting: String, fingerprints: [String])] {
            [
                ("require_receipts", sender?.requireReceipts ?? []),
                ("require_signature", receiver?.requireSignature ?? []),
            ].filter { !$0.1.isEmpty }
        }
    }

    mutating func checkTransferKeys() {
        let settings = installation.main.transfer
        let ends =
            settings.listeners.map { End(subject: "listener \($0.agent)", sender: $0.sender, receiver: $0.receiver) }
            + settings.peers.map { End(subject: "peer \($0.agent)", sender: $0.sender, receiver: $0.receiver) }
        checkReceiptKeys(ends)
        checkDemandedKeys(ends)
    }

    /// Makes a signature with each key that signs receipts, and drops it.
    private mutating func checkReceiptKeys(_ ends: [End]) {
        var users: [String: [String]] = [:]
        for end in ends {
            if let key = end.receiver?.signReceipts { users[key, default: []].append(end.subject) }
        }
        for (fingerprint, subjects) in users.sorted(by: { $0.key < $1.key }) {
            let subjects = subjects.joined(separator: ", ")
            do throws(BackupError) {
                let signer = try Signer(
                    homeDirectory: installation.main.general.keysDirectory, fingerprint: fingerprint,
                    at: installation.clock.now())
                report(
                    signer, "receipts", "can sign those for \(subjects)", end: "nothing is fetched from \(subjects)")
            } catch {
                add(.error, "receipts", "sign_receipts of \(subjects): \(error)")
            }
        }
    }

    private mutating func checkDemandedKeys(_ ends: [End]) {
        guard ends.contains(where: { !$0.demands.isEmpty }) else { return }
        let ring: KeyRing
        do throws(BackupError) { ring = try installation.keyRing() } catch {
            return add(.error, "keys", error.description)
        }
        for warning in ring.warnings { add(.warning, "keys", warning) }
        // Many peers may have the same keys.
        var known: [String: Result<SignerKey, BackupError>] = [:]
        let now = installation.clock.now()
        for end in ends {
            for (setting, fingerprints) in end.demands {
                let keys = fingerprints.map { fingerprint in
                    let key =
                        known[fingerprint]
                        ?? Result { () throws(BackupError) in try ring.signerKey(fingerprint, at: now) }
                    known[fingerprint] = key
                    return key
                }
                report(keys, end.subject, setting)
            }
        }
    }

    /// A key that went out of use may stay in a list with its successor; without one nothing is accepted any more.
    private mutating func report(_ keys: [Result<SignerKey, BackupError>], _ subject: String, _ setting: String) {
        let usable = keys.compactMap { try? $0.get() }.filter { $0.problem == nil }
        for key in keys {
            switch key {
            case .failure(let error): add(.error, subject, "\(setting): \(error)")
            case .success(let key):
                guard let problem = key.problem else { continue }
                add(usable.isEmpty ? .error : .warning, subject, "\(setting): \(problem)")
            }
        }
        if !usable.isEmpty {
            let names = usable.map { "\($0.fingerprint) (\($0.userID.escapedForMessage))" }
            add(.good, subject, "\(setting): signatures by \(names.joined(separator: ", ")) can be checked")
        }
    }
}
