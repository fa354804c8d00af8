/// Finds what somebody meant who has mistyped a name.
package enum Spelling {
    /// The name that a slip of the fingers turns into `word`; `nil` when none is near.
    package static func nearest(to word: String, of names: some Collection<String>) -> String? {
        let distances = names.map { (name: $0, distance: distance(Array(word.utf8), Array($0.utf8))) }
        guard let best = distances.min(by: { $0.distance < $1.distance }), best.distance <= max(1, word.utf8.count / 2)
        else { return nil }
        return best.name
    }

    /// How many letters must be put in, left out, replaced or swapped with the next.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...right.count)
        for i in left.indices {
            var current = [i + 1]
            for j in right.indices {
                var least = min(last[j + 1] + 1, current[j] + 1, last[j] + (left[i] == right[j] ? 0 : 1))
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    least = min(least, before[j - 1] + 1)
                }
                current.append(least)
            }
            (before, last) = (last, current)
        }
        return last[right.count]
    }
}
