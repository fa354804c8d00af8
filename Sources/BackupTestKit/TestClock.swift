package import BackupModel
import BackupSystem
import Synchronization

/// A clock that stands still until the test moves it.
package final class TestClock: WallClock {
    private let time: Mutex<Timestamp>

    /// - Parameter time: 2026-11-21T00:14:18Z, unless the test says otherwise.
    package init(_ time: Timestamp = Timestamp(1_795_220_058)) { self.time = Mutex(time) }

    package func now() -> Timestamp { time.withLock { $0 } }

    package func set(_ newTime: Timestamp) { time.withLock { $0 = newTime } }

    /// Backwards when `span` is negative, as a machine's clock may go.
    package func advance(by span: TimeSpan) { time.withLock { $0 = $0 + span } }
}
