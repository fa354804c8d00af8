import BackupModel
import BackupPipeline
import Logging

/// Writes what a generator does to a log.
struct LogObserver: RunObserver {
    let logger: Logger

    func started(unit: String, source: SourceURL, type: BackupType, progress: PipelineProgress) {
        logger.info("\(source): \(type) begins (unit \(unit))")
    }

    func finished(_ outcome: RunOutcome) {
        if let failure = outcome.failure {
            logger.error("\(failure)")
        } else {
            let sizes = "\(ByteCount(outcome.bytesIn)) read, \(ByteCount(outcome.bytesOut)) stored"
            logger.info(
                "\(outcome.source): \(outcome.type) done in \(outcome.seconds.fixed(1)) s, \(sizes): \(outcome.element?.description ?? "dropped")"
            )
        }
        for note in outcome.notes { logger.warning("\(outcome.source): \(note)") }
    }
}
