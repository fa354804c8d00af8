package import BackupModel

extension DpkgLogParser {
    package var state: JSONObject {
        let open = (Array(jobs.values) + (current.map { [$0] } ?? [])).sorted { $0.offset < $1.offset }
        return JSONObject([
            "Jobs": .array(open.map { .object($0.members) }),
            "Current": current.map { .bytes($0.package) } ?? .null,
            "LastEnd": lastEnd.map {
                .object([
                    "Package": .bytes($0.package), "State": .string($0.state.rawValue), "Version": .bytes($0.version),
                ])
            } ?? .null,
            "Lone": lone.map { .object($0.members) } ?? .null,
        ]).withoutEmptyMembers
    }

    /// Goes on with a state that ``state`` gave.
    ///
    /// - Throws: `damaged` when a member is missing or has another type.
    init(_ context: LogContext, state: JSONObject) throws(BackupError) {
        self.init(context)
        let fields = StateFields(state, manager: Self.manager)
        let current = try fields.bytes("Current")
        for item in try fields.objects("Jobs").prefix(Self.maximumJobs + 1) {
            let job = try DpkgJob(item)
            restore(job, isCurrent: job.package == current)
        }
        lone = try fields.object("Lone").map { item throws(BackupError) in try DpkgJob(item) }
        if let end = try fields.object("LastEnd") {
            guard let state = try end.text("State").flatMap({ DpkgState(rawValue: $0) }) else {
                throw .parserState(Self.manager, "LastEnd has no State")
            }
            lastEnd = (
                try end.required("Package", try end.bytes("Package")), state,
                try end.required("Version", try end.bytes("Version"))
            )
        }
    }
}

extension DpkgProof {
    fileprivate var state: JSONObject { ["Position": position.json, "Local": .integer(local)] }

    fileprivate init(_ fields: StateFields) throws(BackupError) {
        self.init(
            position: try fields.position("Position"),
            local: try fields.required("Local", try fields.integer("Local")))
    }
}

extension DpkgJob {
    fileprivate var members: JSONObject {
        JSONObject([
            "Package": .bytes(package), "Action": .optional(action?.rawValue), "Old": .bytes(old), "New": .bytes(new),
            "Start": start.map { .object($0.state) } ?? .null, "OldPackage": oldPackage.map { .bytes($0) } ?? .null,
            "State": .optional(state?.rawValue), "Version": .bytes(version),
            "Last": last.map { .object($0.state) } ?? .null, "Unpacked": unpacked.map { .object($0.state) } ?? .null,
            "Installation": .bool(isInstallation), "Offset": .integer(offset),
        ]).withoutEmptyMembers
    }

    fileprivate init(_ fields: StateFields) throws(BackupError) {
        self.init(
            package: try fields.required("Package", try fields.bytes("Package")),
            offset: try fields.required("Offset", try fields.integer("Offset")))
        action = try fields.text("Action").flatMap { DpkgMessage.Action(rawValue: $0) }
        old = try fields.bytes("Old") ?? []
        new = try fields.bytes("New") ?? []
        start = try fields.object("Start").map { item throws(BackupError) in try DpkgProof(item) }
        oldPackage = try fields.bytes("OldPackage")
        state = try fields.text("State").flatMap { DpkgState(rawValue: $0) }
        version = try fields.bytes("Version") ?? []
        last = try fields.object("Last").map { item throws(BackupError) in try DpkgProof(item) }
        unpacked = try fields.object("Unpacked").map { item throws(BackupError) in try DpkgProof(item) }
        isInstallation = try fields.flag("Installation")
    }
}
