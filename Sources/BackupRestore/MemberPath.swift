/// The name of a member of an archive, relative to the root of its source, without `./` and slashes around it.
///
/// Bytes, not text: names need not be UTF-8, and strings take different bytes for the same letter.
struct MemberPath: Hashable, Sendable {
    let bytes: [UInt8]

    private static let slash = UInt8(ascii: "/")

    /// A name as it stands in an archive.
    init(_ name: some Collection<UInt8>) {
        bytes = Array(
            name.split(separator: Self.slash).filter { !$0.elementsEqual(CollectionOfOne(UInt8(ascii: "."))) }
                .joined(separator: CollectionOfOne(Self.slash)))
    }

    /// A path as text.
    init(_ path: String) { self.init(Array(path.utf8)) }

    /// Whether it is the root of the source itself.
    var isRoot: Bool { bytes.isEmpty }

    /// Whether a part of it is `..`.
    var leadsUp: Bool { bytes.split(separator: Self.slash).contains { $0.elementsEqual("..".utf8) } }

    /// The directory above; the root's is the root.
    var parent: MemberPath {
        guard let slash = bytes.lastIndex(of: Self.slash) else { return MemberPath([UInt8]()) }
        return MemberPath(bytes[..<slash])
    }

    /// Whether `other` is this path or lies below it.
    func contains(_ other: MemberPath) -> Bool {
        if isRoot { return true }
        guard other.bytes.starts(with: bytes) else { return false }
        return other.bytes.count == bytes.count || other.bytes[bytes.count] == Self.slash
    }

    /// The name of the entry in the directory `ancestor` on the way to this path, and whether it is the path itself;
    /// `nil` when this path does not lie below `ancestor`.
    func step(from ancestor: MemberPath) -> (name: ArraySlice<UInt8>, isLast: Bool)? {
        guard ancestor != self, ancestor.contains(self) else { return nil }
        let rest = bytes.dropFirst(ancestor.isRoot ? 0 : ancestor.bytes.count + 1)
        let name = rest.prefix { $0 != Self.slash }
        return (name, name.count == rest.count)
    }
}
