import BackupModel
import BackupSystem
import Glibc

/// What a pipeline consists of: found and checked, but not running.
struct PipelinePlan {
    enum Work {
        case move(expected: [UInt8]?, limit: Int?, startsWriteback: Bool, isHashing: Bool)
        case transform(@Sendable () throws(BackupError) -> any ByteTransform)
        case process(ProcessStage, path: String, standardError: BackupSystem.Pipe)
    }

    struct Node {
        let label: StageLabel
        let timeout: Double?
        let work: Work

        /// Whether a thread of ours moves the bytes.
        var isThread: Bool {
            if case .process = work { return false }
            return true
        }
    }

    private(set) var nodes: [Node] = []
    private(set) var boundaries: [Boundary] = []
    /// The node of the first stage.
    private(set) var firstStage = 0
    private(set) var readsFile = false
    private(set) var writesFile = false

    init(_ pipeline: Pipeline) throws(BackupError) {
        nodes = try Self.stageNodes(pipeline)
        addMovers(pipeline)
        try connect(pipeline)
    }

    private static func stageNodes(_ pipeline: Pipeline) throws(BackupError) -> [Node] {
        var nodes: [Node] = []
        for (number, stage) in pipeline.stages.enumerated() {
            let label = pipeline.label(number)
            switch stage {
            case .transform(_, let make): nodes.append(Node(label: label, timeout: nil, work: .transform(make)))
            case .process(let process):
                let path = try ExecutableLookup.path(of: process, label)
                let pipe = try Pipe(name: "standard error of \(process.name)")
                nodes.append(
                    Node(
                        label: label, timeout: process.timeout.map { Double($0.seconds) },
                        work: .process(process, path: path, standardError: pipe)))
            }
        }
        return nodes
    }

    /// Adds what reads the input file and what writes the output file; without stages one node does both.
    private mutating func addMovers(_ pipeline: Pipeline) {
        var expected: [UInt8]?
        if case .file(_, let digest) = pipeline.input {
            readsFile = true
            expected = digest
        }
        var limit: Int?
        var needsWriter = pipeline.stages.isEmpty
        switch pipeline.output {
        case .file:
            writesFile = true
            needsWriter = true
        case .prefix(let wanted):
            limit = max(0, wanted)
            needsWriter = true
        case .descriptor, .nothing: break
        }
        if readsFile, !pipeline.stages.isEmpty {
            let work = Work.move(expected: expected, limit: nil, startsWriteback: false, isHashing: true)
            nodes.insert(Node(label: StageLabel("reading the input"), timeout: nil, work: work), at: 0)
            firstStage = 1
            expected = nil
        }
        if needsWriter {
            let isHashing = writesFile || (readsFile && pipeline.stages.isEmpty)
            let work = Work.move(
                expected: expected, limit: limit, startsWriteback: writesFile, isHashing: isHashing)
            nodes.append(Node(label: StageLabel("writing the output"), timeout: nil, work: work))
        }
    }

    // MARK: - Boundaries

    private mutating func connect(_ pipeline: Pipeline) throws(BackupError) {
        var ends: [(reader: OwnedDescriptor?, writer: OwnedDescriptor?, isPipe: Bool, isOurs: Bool)] = []
        if case .file(let file, _) = pipeline.input {
            ends.append((file, nil, false, false))
        } else {
            ends.append((try Self.openNull(O_RDONLY), nil, false, true))
        }
        for _ in nodes.dropFirst() {
            let pipe = try Pipe(name: "a pipe between two stages")
            ends.append((pipe.readEnd, pipe.writeEnd, true, true))
        }
        switch pipeline.output {
        case .file(let file): ends.append((nil, file, false, false))
        case .descriptor(let descriptor): ends.append((nil, descriptor, false, false))
        case .nothing: ends.append((nil, try Self.openNull(O_WRONLY), false, true))
        case .prefix: ends.append((nil, nil, false, false))
        }
        let counters = ends.indices.map { index -> Boundary.Counter in
            if index < nodes.count, nodes[index].isThread { return .consumer }
            if index > 0, nodes[index - 1].isThread { return .producer }
            return .nobody
        }
        let first = counters.firstIndex { $0 != .nobody }
        let last = counters.lastIndex { $0 != .nobody }
        boundaries = ends.enumerated().map { index, end in
            let (isFirst, isLast, progress) = (index == first, index == last, pipeline.progress)
            return Boundary(
                reader: end.reader, writer: end.writer, isPipe: end.isPipe, isOurs: end.isOurs, counter: counters[index]
            ) { count in
                if isFirst { progress?.addIn(count) }
                if isLast { progress?.addOut(count) }
            }
        }
    }

    private static func openNull(_ mode: CInt) throws(BackupError) -> OwnedDescriptor {
        let raw = try systemCall("open", "/dev/null") { open("/dev/null", mode | O_CLOEXEC) }
        return OwnedDescriptor(raw, name: "/dev/null")
    }
}
