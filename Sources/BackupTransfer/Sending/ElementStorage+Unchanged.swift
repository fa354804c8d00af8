import BackupModel
import BackupStorage

extension ElementStorage {
    /// Looks whether the element is still the one that was listed. One that is gone is no other one: whoever acts on it
    /// notices.
    ///
    /// - Throws: `notFound` when another element has its name now.
    func checkUnchanged(_ listed: StoredElement) throws(BackupError) {
        let current: StoredElement
        do throws(BackupError) { current = try element(listed.id) } catch {
            if error.code == .notFound { return }
            throw error
        }
        guard current.metadata == listed.metadata, current.size == listed.size else {
            throw .elementReplaced(listed.id)
        }
    }
}
