package import BackupModel

/// One pass over the stream of a log, as far as it has come: pieces of bytes in, records out. Where it stands after the last
/// whole line can be written down.
package struct PackageLogReading: Sendable {
    package let manager: String
    private var splitter: LineSplitter
    private var parser: any PackageLogParser
    private var findings = LogFindings()

    /// The version of the form of ``state``.
    private static let stateSchema: Int64 = 1

    /// Begins at the start of a stream.
    package init(_ reader: any PackageManagerReader, _ context: LogContext) {
        manager = reader.manager
        splitter = LineSplitter()
        parser = reader.makeParser(context)
    }

    /// Goes on where a former pass stood.
    ///
    /// - Parameter state: what ``state`` gave. The next byte to give is the one at ``position``.
    /// - Throws: `damaged` when it is no state of this manager, or of a newer form.
    package init(
        _ reader: any PackageManagerReader, _ context: LogContext, resuming state: JSONObject
    ) throws(BackupError) {
        manager = reader.manager
        guard state["Schema"]?.integerValue == Self.stateSchema else {
            throw .parserState(reader.manager, "its form is not version \(Self.stateSchema)")
        }
        guard state["Manager"]?.stringValue == reader.manager else {
            throw .parserState(reader.manager, "it is that of another manager")
        }
        guard let offset = state["Offset"]?.integerValue, offset >= 0, let inner = state["Parser"]?.objectValue else {
            throw .parserState(reader.manager, "Offset or Parser is missing")
        }
        splitter = LineSplitter(position: offset)
        parser = try reader.makeParser(context, state: inner)
    }

    /// The offset of the first byte that belongs to no whole line yet.
    package var position: Int64 { splitter.position }

    /// Where the pass stands, after the last whole line.
    package var state: JSONObject {
        [
            "Schema": .integer(Self.stateSchema), "Manager": .string(manager), "Offset": .integer(position),
            "Parser": .object(parser.state),
        ]
    }

    /// See ``PackageLogParser/pending``.
    package var pending: [PackageRecord] { parser.pending }

    /// Takes the next piece of the stream.
    package mutating func take(_ piece: UnsafeRawBufferPointer) {
        // Taken out of self while the lines are handed over, so that nothing is copied.
        var splitter = LineSplitter()
        swap(&splitter, &self.splitter)
        splitter.take(piece) { line in
            if line.bytes.isEmpty {
                findings.rejected.addEmpty()
            } else if line.isTooLong {
                findings.rejected.add(line)
            } else {
                parser.take(line, &findings)
            }
        }
        self.splitter = splitter
    }

    package mutating func take(_ piece: [UInt8]) { piece.withUnsafeBytes { take($0) } }

    /// Gives out what was found since the last call. To be called after each piece: until then it is held in memory.
    package mutating func takeFindings() -> LogFindings {
        let found = findings
        findings = LogFindings()
        // The next piece will give about as many.
        findings.records.reserveCapacity(found.records.count)
        return found
    }
}
