import BackupModel

/// Makes an index of GNU tar safe to build an increment on: sets the time of its run back a little, and takes the device
/// numbers out, so that tar makes no guesses about renamed directories.
///
/// tar notes when it started by a precise clock; the kernel stamps files with a coarse one that lags by up to 10 ms, and
/// some file systems know only every second second. A file that changed right after tar had read it can so be older than
/// the start, and no increment would ever hold the change. With an earlier start a few files are stored once more.
///
/// tar takes a directory for a renamed one when the index has another name with the same device and inode. It then
/// stores the renaming instead of the contents, and restoring that fails or gives wrong trees in many cases: directories
/// that changed places, a renamed one below a new one, a new one that got the inode of one that was deleted. With a
/// device that no file has, the guess always comes out negative, and a renamed directory is stored like a new one. By
/// their names, directories are still recognised: with `--no-check-device` tar looks at the inode only.
///
/// An index (format 2) is `GNU tar-<version>-2\n`, then fields that each end with NUL: seconds and nanoseconds of the run;
/// then for each directory whether it is on NFS, seconds, nanoseconds, device, inode, name, its entries, two empty fields.
struct TarIndexFilter: ByteTransform {
    private enum Place {
        case header
        case runTime(field: Int)
        /// At the first byte of a directory, or behind the last one.
        case boundary
        case directory(field: Int)
        /// `isEmpty`: nothing of the field has come yet.
        case entries(isEmpty: Bool)
        case end
        case otherFormat
    }

    /// Seconds by which the start of the run is set back.
    private static let margin: Int64 = 2
    private static let deviceField = 3
    private static let nameField = 5
    private static let magic = Array("GNU tar-".utf8)

    private var place = Place.header
    private var header: [UInt8] = []
    /// The digits of the run's seconds.
    private var seconds: [UInt8] = []

    init() {}

    mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError) {
        var start = 0
        for (position, byte) in input.enumerated() {
            switch place {
            case .header:
                header.append(byte)
                guard header.count <= 64, header.starts(with: Self.magic.prefix(header.count)) else {
                    throw .tarIndex("it does not begin as one")
                }
                // Older formats have no inode numbers or are lines of text; tar no longer writes them.
                if byte == UInt8(ascii: "\n") {
                    place = header.suffix(3) == Array("-2\n".utf8)[...] ? .runTime(field: 0) : .otherFormat
                }
            case .runTime(field: 0):
                if start < position { try emit(UnsafeRawBufferPointer(rebasing: input[start..<position])) }
                start = position + 1
                if byte == 0 {
                    try emitEarlierStart(emit)
                    place = .runTime(field: 1)
                } else {
                    seconds.append(byte)
                    guard seconds.count <= 20 else { throw .tarIndex("the time of its run is no number") }
                }
            case .runTime:
                if byte == 0 { place = .boundary }
            case .boundary:
                // The first field is one character.
                place = .directory(field: byte == 0 ? 1 : 0)
            case .directory(Self.deviceField):
                if start < position { try emit(UnsafeRawBufferPointer(rebasing: input[start..<position])) }
                start = position + 1
                if byte == 0 {
                    try Self.emitZero(emit)
                    place = .directory(field: Self.deviceField + 1)
                }
            case .directory(let field):
                if byte == 0 {
                    place = field == Self.nameField ? .entries(isEmpty: true) : .directory(field: field + 1)
                }
            case .entries(let isEmpty):
                place = byte != 0 ? .entries(isEmpty: false) : isEmpty ? .end : .entries(isEmpty: true)
            case .end:
                guard byte == 0 else { throw .tarIndex("an entry ends badly") }
                place = .boundary
            case .otherFormat:
                break
            }
        }
        if start < input.count { try emit(UnsafeRawBufferPointer(rebasing: input[start...])) }
    }

    private func emitEarlierStart(_ emit: Emit) throws(BackupError) {
        guard let time = Int64(String(decoding: seconds, as: UTF8.self)) else {
            throw .tarIndex("the time of its run is no number")
        }
        try Self.emitField(String(time &- Self.margin), emit)
    }

    /// A device number that no file has.
    private static func emitZero(_ emit: Emit) throws(BackupError) { try emitField("0", emit) }

    /// A field, and its end.
    private static func emitField(_ text: String, _ emit: Emit) throws(BackupError) {
        let field = Array(text.utf8) + [0]
        let result = field.withUnsafeBytes { bytes -> Result<Void, BackupError> in
            do throws(BackupError) { return .success(try emit(bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }

    mutating func finish(emit: Emit) throws(BackupError) {
        switch place {
        case .boundary, .otherFormat: break
        default: throw .tarIndex("it ends too early")
        }
    }
}
