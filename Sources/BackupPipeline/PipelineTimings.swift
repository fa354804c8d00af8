/// How long a pipeline waits for what, in seconds. Tests have shorter ones.
struct PipelineTimings: Sendable {
    /// After the first failure, how long the other stages may take to end of themselves (they meet the end of their
    /// input, or their reader is gone) before they are told to. With it the same stages have failed on every run,
    /// whichever of them was noticed first.
    var settle = 0.5
    /// From SIGTERM to SIGKILL.
    var terminationGrace = 5.0
    /// How long the output of a process that has ended, and its descriptor 3, may be held open by something it has started.
    var heldOutputGrace = 10.0
    /// How long a stage that has ended without meeting the end of its input waits for the proof that nothing was left.
    var inputEndGrace = 10.0
}
