import BackupModel

/// The wording of every refusal of this module.
extension BackupError {
    static func noElement(_ id: ElementID) -> BackupError {
        BackupError(.notFound, "there is no element \(id)", remedy: "`gb storage list` shows the elements")
    }

    static func damagedInfo(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .damaged, "the metadata \(path.escapedForMessage) cannot be used",
            remedy: cause.remedy.isEmpty ? "restore the file from another copy of the element" : cause.remedy,
            cause: cause)
    }

    static func verificationStopped() -> BackupError { BackupError(.interrupted, "the verification was stopped") }

    static func otherType(_ id: ElementID, _ type: BackupType) -> BackupError {
        BackupError(.damaged, "its BackupType is \"\(type)\", and the name of the element says \"\(id.type)\"")
    }

    static func missingData(_ id: ElementID) -> BackupError {
        BackupError(
            .damaged, "the element \(id) has metadata, but its .data file is missing",
            remedy: "restore the file from another copy of the element")
    }

    static func wrongChecksum(_ id: ElementID) -> BackupError {
        BackupError(
            .damaged, "the bytes of \(id) are not those that were stored: their SHA-512 differs from the metadata",
            remedy: "do not restore from it; fetch another copy of the element, and check the disk")
    }

    static func changedMetadata(_ id: ElementID) -> BackupError {
        BackupError(
            .damaged,
            "the metadata of \(id) is not what it was made with: DataUuid does not follow from Predecessor, "
                + "StorageFileChecksumSha512, Timestamp and the source \(id.source)",
            remedy:
                "do not restore from it; fetch the .info from another copy of the element, or, if a directory of the "
                + "storage was renamed, give it its old name back")
    }

    static func shortData(_ source: SourceURL, _ found: Int64, _ expected: Int64) -> BackupError {
        BackupError(
            .failed, "the new element of \(source) has \(found) bytes on disk where \(expected) were written",
            remedy: "look at `dmesg` for errors of the disk")
    }

    static func noFreeName(_ source: SourceURL, _ digits: String) -> BackupError {
        BackupError(
            .exists, "too many elements of \(source) have the time \(digits)", remedy: "check the machine's clock")
    }

    static func namesKeepBeingTaken(_ source: SourceURL) -> BackupError {
        BackupError(
            .busy, "somebody else keeps taking the names that the new element of \(source) was about to get",
            remedy: "try again, and find out which program writes into the storage")
    }

    static func metadataTooLarge(_ source: SourceURL, _ size: Int) -> BackupError {
        BackupError(
            .invalidValue,
            "the metadata of the new element of \(source) has \(size) bytes, and \(ElementMetadata.maximumSize) is the most",
            remedy: "shorten what the unit or the pipeline adds to it")
    }

    static func nameTaken(_ path: String) -> BackupError {
        BackupError(
            .busy, "somebody else has just made \(path.escapedForMessage), without taking its lock",
            remedy: "try again, and find out which program writes into the storage")
    }

    static func attributeReserved(_ name: AttributeName) -> BackupError {
        BackupError(
            .invalidValue, "no attribute can have the name \(name): it is the one of a value that is being written",
            remedy: "choose another name")
    }

    static func attributeTooLarge(_ name: AttributeName, _ id: ElementID, _ size: Int, _ limit: Int) -> BackupError {
        BackupError(
            .invalidValue, "the attribute \(name) of \(id) would have \(size) bytes, and \(limit) is the most",
            remedy: "keep large facts elsewhere, and their place in the attribute")
    }

    static func partialBusy(_ path: String) -> BackupError {
        BackupError(
            .busy, "the partial file \(path.escapedForMessage) is in use by another connection or process",
            remedy: "wait until that one has ended; what it got stays")
    }

    static func partialTaken(_ source: SourceURL) -> BackupError {
        BackupError(
            .failed, "the partial file of the new element of \(source) is closed, or another element was made of it",
            remedy: "open it again")
    }

    static func partialNoteTooLarge(_ size: Int, _ limit: Int) -> BackupError {
        BackupError(.invalidValue, "the note of a partial file would have \(size) bytes, and \(limit) is the most")
    }

    static func noPartials() -> BackupError {
        BackupError(.failed, "this kind of storage keeps no partial files", remedy: "transfer into a directory")
    }

    static func partialDirectoryElsewhere(_ path: String, _ storage: String) -> BackupError {
        BackupError(
            .configuration,
            "files of \(path.escapedForMessage) cannot get names in the storage \(storage.escapedForMessage) "
                + "without being copied",
            remedy: "set storage.partial_directory to a directory on the storage's own file system and mount, outside "
                + "of the storage")
    }

    static func sourceReserved(_ source: SourceURL) -> BackupError {
        BackupError(
            .invalidValue,
            "\(source) cannot be stored: the directory \(PartialPlace.nameInStorage) of a storage is for partial files",
            remedy: "give the source another name")
    }

    static func storageMissing(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code == .notFound ? .configuration : cause.code,
            "cannot open the storage directory \(path.escapedForMessage)",
            remedy: "check storage.directory in the configuration, and whether its file system is mounted", cause: cause
        )
    }
}
