/// What may be there of one owner's partial files.
package struct PartialAllowance: Sendable {
    /// The most bytes of all of them together, 0 or more; `nil`: any number.
    package let bytes: Int64?
    /// The most files, 0 or more.
    package let count: Int
    /// Files that stay, and do not count.
    package let sparing: Set<PartialKey>

    package init(bytes: Int64?, count: Int, sparing: Set<PartialKey> = []) {
        self.bytes = bytes
        self.count = count
        self.sparing = sparing
    }
}
