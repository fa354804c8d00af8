package import BackupModel

/// Takes what a process says on descriptor 3, beside the bytes that it makes: lines, in the order in which they come.
package struct MessageSink: Sendable {
    /// Bytes that a line may have, its end not among them.
    package let lineLimit: Int
    /// Bytes of all lines together.
    package let totalLimit: Int
    /// Is given each line, without its end, on the thread that watches the process. Returns what is wrong with it: that
    /// ends the process and is the failure of its stage.
    package let take: @Sendable ([UInt8]) -> BackupError?

    package init(
        lineLimit: Int, totalLimit: Int, take: @escaping @Sendable ([UInt8]) -> BackupError?
    ) {
        self.lineLimit = lineLimit
        self.totalLimit = totalLimit
        self.take = take
    }
}

/// Cuts what comes from a descriptor into lines, and holds no more than one of them.
struct MessageReader {
    let sink: MessageSink
    private var line: [UInt8] = []
    private var total = 0

    init(_ sink: MessageSink) { self.sink = sink }

    /// - Throws: `processFailed` for more than the sink allows; what the sink says.
    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(BackupError) {
        total += bytes.count
        guard total <= sink.totalLimit else { throw .messageFlood(limit: sink.totalLimit) }
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line += rest[..<end]
            rest = rest[(end + 1)...]
            guard line.count <= sink.lineLimit else { throw .messageTooLong(limit: sink.lineLimit) }
            let whole = line
            line = []
            if let problem = sink.take(whole) { throw problem }
        }
        line += rest
        guard line.count <= sink.lineLimit else { throw .messageTooLong(limit: sink.lineLimit) }
    }

    /// The process has ended.
    func finish() throws(BackupError) {
        guard line.isEmpty else { throw .messageCutOff(bytes: line.count) }
    }
}
