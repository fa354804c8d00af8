import Glibc
package import Testing

/// Random numbers that a seed repeats. Give ``comment`` to every expectation of a random test: the seed is then printed
/// with its failure, and `GB_TEST_SEED=<seed>` in the environment repeats the run.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    package let seed: UInt64
    private var state: UInt64

    /// - Parameter seed: by default the one of the environment, or a new one.
    package init(seed: UInt64? = nil) {
        let fromEnvironment = getenv("GB_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
        self.seed = seed ?? fromEnvironment ?? UInt64.random(in: 0 ... .max)
        state = self.seed
    }

    package var comment: Comment { "GB_TEST_SEED=\(seed) repeats this" }

    /// SplitMix64.
    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    package mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}
