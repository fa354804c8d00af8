package import BackupModel
import BackupStorage
import Glibc

/// Metadata of an element as a generator makes it, with what a test does not care about filled in.
///
/// - Parameters:
///   - data: the bytes that will be stored; the checksum is theirs.
///   - uuid: by default derived from predecessor, bytes, time and source as the format says.
///   - source: whose element it is, where that matters.
package func makeMetadata(
    _ type: BackupType = .full, at timestamp: Timestamp = Timestamp(1_795_220_058), data: [UInt8] = [],
    uuid: ElementUUID? = nil, predecessor: ElementUUID? = nil, handlingPolicies: [String] = ["default"],
    pipeline: [StageRecord] = [], unit: String = "test", source: SourceURL? = nil
) -> ElementMetadata {
    let checksum = DataDigest.sha512(data)
    guard
        let source = try? source ?? SourceURL("/test"),
        let uuid = uuid
            ?? DataDigest.uuid(predecessor: predecessor, checksum: checksum, timestamp: timestamp, source: source)
    else { preconditionFailure("a digest of 64 bytes is a UUID") }
    return ElementMetadata(
        type: type, timestamp: timestamp, uuid: uuid, predecessor: predecessor, handlingPolicies: handlingPolicies,
        checksum: checksum, pipeline: pipeline, origin: ElementOrigin(machine: nil, unit: unit, software: "test"))
}
