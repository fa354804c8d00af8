import BackupModel
import Testing

struct MetadataSignatureTests {
    private func parse(_ text: String) throws(BackupError) -> ElementMetadata {
        try ElementMetadata(parsing: Array(text.utf8))
    }

    @Test func textIsTheCanonicalObjectWithNullAndWithoutTransferAttributes() throws {
        let metadata = try parse(
            #"{"X": {"b": [-0], "a": 1e3}, "Timestamp": 7, "BackupType": "full", "MetaDataSignature": "AQI=", "#
                + #""TransferAttributes": {"Seen": 1}, "Name": "é", "StorageFileSignature": "AwQ=", "Size": 1.50}"#)
        #expect(
            metadata.textForSignature
                == #"{"BackupType": "full", "MetaDataSignature": null, "Name": "\u00e9", "Size": 1.50, "#
                + #""StorageFileSignature": "AwQ=", "Timestamp": 7, "X": {"a": 1e3, "b": [-0]}}"#)
        #expect(metadata.metaDataSignature == [1, 2])
        #expect(metadata.storageFileSignature == [3, 4])
    }

    @Test(arguments: originalInfoFiles)
    func elementsOfTheOriginalCanBeSigned(_ text: String) throws {
        let metadata = try parse(text)
        #expect(metadata.metaDataSignature == nil && metadata.storageFileSignature == nil)
        var seen = ""
        let signed = try metadata.signed(storageFile: nil) { text in
            seen = text
            return [1, 2, 3]
        }
        // Nothing but the null was added to what is signed, at its place in the order of the keys.
        let next = text.contains(#""Predecessor""#) ? #""Predecessor""# : #""StorageFileChecksumSha512""#
        #expect(seen == text.replacing(next, with: #""MetaDataSignature": null, "# + next))
        #expect(signed.metaDataSignature == [1, 2, 3])
        #expect(signed.textForSignature == seen)
        #expect(try parse(signed.text) == signed)
    }

    @Test func signingKeepsWhatItDoesNotKnow() throws {
        let text = #"{"BackupType": "full", "Extra": {"n": 1.50, "m": 1E+2}, "Timestamp": 0, "TransferAttributes": {}}"#
        let metadata = try parse(text)
        let signed = try metadata.signed(storageFile: [9]) { _ in [8] }
        #expect(
            signed.text
                == #"{"BackupType": "full", "Extra": {"m": 1E+2, "n": 1.50}, "MetaDataSignature": "CA==", "#
                + #""StorageFileSignature": "CQ==", "Timestamp": 0, "TransferAttributes": {}}"#)
        #expect(signed.storageFileSignature == [9])
        // Signed again, the signature of the data stays, and is part of the text.
        let again = try signed.signed(storageFile: nil) { text in
            #expect(text.contains(#""StorageFileSignature": "CQ==""#))
            return [7]
        }
        #expect(again.storageFileSignature == [9] && again.metaDataSignature == [7])
        #expect(again.textForSignature == signed.textForSignature)
    }

    @Test func whatHoldersMayChangeDoesNotChangeTheText() throws {
        let plain = try parse(#"{"BackupType": "full", "Timestamp": 1}"#)
        let moved = try parse(#"{"BackupType": "full", "Timestamp": 1, "TransferAttributes": {"Timestamp": 5}}"#)
        let older = try parse(#"{"BackupType": "full", "Timestamp": 0}"#)
        #expect(plain.textForSignature == moved.textForSignature)
        #expect(plain.textForSignature != older.textForSignature)
    }

    @Test func failureOfTheSignerIsTheFailure() throws {
        let metadata = try parse(#"{"BackupType": "full", "Timestamp": 1}"#)
        let error = try #require(throws: BackupError.self) {
            try metadata.signed(storageFile: nil) { _ throws(BackupError) in throw BackupError(.keyUnusable, "no") }
        }
        #expect(error.code == .keyUnusable)
        #expect(throws: BackupError.self) { try metadata.signed(storageFile: nil) { _ in [] } }
    }
}
