import BackupModel

// Between errors and what goes over the wire of them: a peer is told what concerns its request, and no more.

extension BackupError {
    /// What the peer has said instead of an answer.
    static func remoteRefused(_ failure: RemoteFailure) -> BackupError {
        let code: BackupError.Code =
            switch failure.code {
            case .notFound: .notFound
            case .busy: .busy
            case .damaged: .damaged
            default: .failed
            }
        return BackupError(code, "the peer refused: \(failure.message) (\(failure.code.rawValue))")
    }

    /// The error as a peer may know it: that an element cannot be read, not which path says what. What is about the peer's
    /// own request stays as it is.
    var forPeer: BackupError {
        switch code {
        case .notFound where cause == nil: self
        case .busy: BackupError(.busy, "it is in use", cause: self)
        case .damaged, .untrusted: BackupError(.damaged, "it is damaged", cause: self)
        default: BackupError(.failed, "something went wrong", cause: self)
        }
    }
}

extension RemoteFailure {
    /// What the peer is told of an error of ours. The messages of these codes are made for it; what the storage says has
    /// gone through ``BackupError/forPeer``.
    init(_ error: BackupError) {
        switch error.code {
        case .notFound: self.init(code: .notFound, message: error.message)
        case .permission, .policyViolation: self.init(code: .refused, message: error.message)
        case .untrusted, .usage, .invalidValue: self.init(code: .badRequest, message: error.message)
        case .busy: self.init(code: .busy, message: "it is in use, try again later")
        case .damaged: self.init(code: .damaged, message: "it is damaged here")
        case .resources: self.init(code: .limit, message: "too much at once")
        default: self.init(code: .internal, message: "something went wrong here; the log tells")
        }
    }
}
