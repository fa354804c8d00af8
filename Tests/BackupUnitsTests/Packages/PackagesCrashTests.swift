import BackupModel
import BackupPackages
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// `kill -9` after any step of a run: no byte of the log and no change is lost, and none is there twice.
@Suite struct PackagesCrashTests {
    private final class Crash: Sendable {
        let steps = Mutex<[String]>([])
        let after: Int
        let directory: String

        init(after step: Int, in directory: String) {
            after = step
            self.directory = directory
        }

        func pass(_ step: String) {
            let isNow = steps.withLock { steps in
                steps.append(step)
                return steps.count - 1 == after
            }
            guard isNow else { return }
            do { try shell("cp -a state frozen", in: directory) } catch { Issue.record(error) }
        }
    }

    @Test(arguments: [PackagesBench.log, PackagesBench.state], [0, 1, 2])
    func everyStep(source: SourceURL?, earlier: Int) throws {
        let steps = try crash(source, earlier, after: .max, isStored: true)
        #expect(steps.count >= 5, "\(steps)")
        for step in steps.indices {
            // Before the element is announced it cannot be there; when the state has gone forward it is.
            let announced = steps[...step].contains("state.next")
            let advanced = steps[...step].contains { $0.hasSuffix(".position") || $0 == "state.current" }
            if !advanced { _ = try crash(source, earlier, after: step, isStored: false) }
            if announced { _ = try crash(source, earlier, after: step, isStored: true) }
        }
    }

    private func crash(_ source: SourceURL?, _ earlier: Int, after step: Int, isStored: Bool) throws -> [String] {
        let bench = try PackagesBench()
        for number in 0..<earlier {
            try bench.change("early\(number)", to: "1")
            try bench.run(source)
        }
        try bench.change("a", to: "1")
        try bench.change("b", to: "1")
        let crash = Crash(after: step, in: bench.scratch.path)
        bench.open.afterStep.withLock { $0 = { crash.pass($0) } }
        try bench.run(source)
        bench.open.afterStep.withLock { $0 = { _ in } }
        let steps = crash.steps.withLock { $0 }
        guard step < steps.count else { return steps }
        let label: Comment = "crash after \(steps[step]), stored: \(isStored), \(earlier) before"
        if !isStored { bench.forgetLastElement() }
        try shell("rm -r state; mv frozen state", in: bench.scratch.path)
        let before = bench.elements.count
        _ = try bench.restart()
        #expect(try bench.restart().isEmpty, label)
        try bench.change("c", to: "1")
        try bench.run(source)
        #expect(bench.elements.count == before + 1)
        if source == PackagesBench.log {
            let written = try [UInt8](Data(contentsOf: URL(fileURLWithPath: bench.logPath)))
            #expect(bench.chain(source) == written, label)
        } else {
            #expect(try bench.told() == bench.installed, label)
            let installs = try bench.elements.flatMap(PackagesBench.records).filter { $0.event == .install }
            #expect(installs.compactMap(\.name).sorted() == bench.installed.keys.sorted(), label)
            #expect(bench.elements.allSatisfy { $0.events.isEmpty }, label)
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: bench.scratch.path + "/state/generators/Unit")
        #expect(!files.contains { $0.contains("next") }, label)
        return steps
    }
}
