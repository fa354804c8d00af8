import BackupModel

/// The bytes of the log, as they are.
struct PackageLogProduct: PackagesProduct {
    static let name = "log"

    let plan: LogPlan
    /// Where the plan begins; `nil` for the beginning of the log.
    let bookmark: LogBookmark?
    let notes: [String]

    func write(_ emit: ByteTransform.Emit) throws(BackupError) -> PackagesYield {
        let reached = try plan.forEachPiece(after: bookmark, emit)
        return PackagesYield(memory: PackagesMemory(bookmark: reached), notes: notes)
    }
}
