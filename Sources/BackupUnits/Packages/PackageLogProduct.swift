import BackupModel
import BackupPackages

/// The bytes of the log, as they are.
struct PackageLogProduct: PackagesProduct {
    static let name = "log"

    let place: PackagesPlace
    let plan: LogPlan
    /// Where the plan begins; `nil` for the beginning of the log.
    let bookmark: LogBookmark?
    let notes: [String]

    var particulars: JSONObject { [:] }

    func write(_ emit: ByteTransform.Emit) throws(BackupError) -> PackagesYield {
        let reached = try plan.forEachPiece(after: bookmark, emit)
        return PackagesYield(
            memory: PackagesMemory(bookmark: reached, manager: place.reader.manager, root: place.rootPath),
            notes: notes + PackagesNote.heldBack(plan.heldBack))
    }
}
