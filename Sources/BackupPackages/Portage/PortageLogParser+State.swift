package import BackupModel

extension PortageLogParser {
    package var state: JSONObject {
        JSONObject([
            "Jobs": .array(jobs.map { .object($0.state) }),
            "Removals": .array(
                removals.map {
                    .object([
                        "Atom": .bytes($0.atom), "Started": .integer($0.started), "Indented": .bool($0.isIndented),
                    ])
                }),
            "Syncs": .array(
                syncs.map {
                    .object([
                        "Name": .optional($0.name), "Detail": .optional($0.detail), "Start": .object($0.start.state),
                    ])
                }),
            "Runs": .array(
                runs.map {
                    .object([
                        "Identifier": .integer($0.identifier), "Started": .integer($0.started),
                        "Merge": .bool($0.isMerge), "Root": $0.root.map { .bytes($0) } ?? .null,
                    ])
                }),
            "NextRun": .integer(nextRun),
            "ZoneOffset": .optional(zoneOffset),
            "LastRoot": lastRoot.map { .bytes($0) } ?? .null,
            "SeveralRoots": .bool(hasSeveralRoots),
            "SeenDefaultRoot": .bool(hasSeenDefaultRoot),
            "SyncMarker": syncMarker.map { .object($0.state) } ?? .null,
            "LastCompleted": lastCompleted.map {
                .object(["Number": .integer($0.number), "Total": .integer($0.total), "Atom": .bytes($0.atom)])
            } ?? .null,
            "Restarted": .bool(wasRestarted),
        ]).withoutEmptyMembers
    }

    /// Goes on with a state that ``state`` gave.
    ///
    /// - Throws: `damaged` when a member is missing or has another type.
    init(_ context: LogContext, state: JSONObject) throws(BackupError) {
        self.init(context)
        let fields = StateFields(state, manager: Self.manager)
        for item in try fields.objects("Jobs").prefix(Self.maximumJobs) { jobs.append(try PortageJob(item)) }
        for item in try fields.objects("Removals").prefix(Self.maximumRemovals) {
            removals.append(
                PortageRemoval(
                    atom: try item.required("Atom", try item.bytes("Atom")),
                    started: try item.required("Started", try item.integer("Started")),
                    isIndented: try item.flag("Indented")))
        }
        for item in try fields.objects("Syncs").prefix(Self.maximumSyncs) {
            syncs.append(
                PortageSync(
                    name: try item.text("Name"), detail: try item.text("Detail"),
                    start: try PortageProof(try item.required("Start", try item.object("Start")))))
        }
        for item in try fields.objects("Runs").prefix(Self.maximumRuns) {
            var run = PortageRun(
                identifier: try item.required("Identifier", try item.integer("Identifier")),
                started: try item.required("Started", try item.integer("Started")))
            run.isMerge = try item.flag("Merge")
            run.root = try item.bytes("Root")
            runs.append(run)
        }
        nextRun = try fields.integer("NextRun") ?? 0
        zoneOffset = try fields.integer("ZoneOffset")
        lastRoot = try fields.bytes("LastRoot")
        hasSeveralRoots = try fields.flag("SeveralRoots")
        hasSeenDefaultRoot = try fields.flag("SeenDefaultRoot")
        syncMarker = try fields.object("SyncMarker").map { item throws(BackupError) in try PortageProof(item) }
        if let last = try fields.object("LastCompleted") {
            lastCompleted = (
                try last.required("Number", try last.integer("Number")),
                try last.required("Total", try last.integer("Total")), try last.required("Atom", try last.bytes("Atom"))
            )
        }
        wasRestarted = try fields.flag("Restarted")
    }
}

extension PortageProof {
    fileprivate var state: JSONObject { ["Position": position.json, "Stamp": .integer(stamp)] }

    fileprivate init(_ fields: StateFields) throws(BackupError) {
        self.init(
            position: try fields.position("Position"),
            stamp: try fields.required("Stamp", try fields.integer("Stamp")))
    }
}

extension PortageJob {
    fileprivate var state: JSONObject {
        JSONObject([
            "Number": .integer(number), "Total": .integer(total), "Atom": .bytes(atom),
            "Root": root.map { .bytes($0) } ?? .null, "Start": start.map { .object($0.state) } ?? .null,
            "LastSeen": .integer(lastSeen), "Stage": .integer(stage.rawValue), "Type": .optional(type?.rawValue),
            "Repository": .optional(repository), "HasPath": .bool(hasPath), "Slot": .optional(slot),
            "Live": live.map { .object($0.state) } ?? .null, "MergeOrder": .integer(mergeOrder),
            "Replaced": .optional(replaced), "Explicit": .bool(isExplicit), "Merge": .bool(isMerge),
            "Run": .integer(run), "Reported": .bool(isReported),
        ]).withoutEmptyMembers
    }

    fileprivate init(_ fields: StateFields) throws(BackupError) {
        self.init(
            number: try fields.required("Number", try fields.integer("Number")),
            total: try fields.required("Total", try fields.integer("Total")),
            atom: try fields.required("Atom", try fields.bytes("Atom")), root: try fields.bytes("Root"),
            start: try fields.object("Start").map { item throws(BackupError) in try PortageProof(item) },
            lastSeen: try fields.required("LastSeen", try fields.integer("LastSeen")),
            run: try fields.integer("Run") ?? -1)
        stage = Stage(rawValue: try fields.integer("Stage") ?? 0) ?? .begun
        type = try fields.text("Type").flatMap { InstallType(rawValue: $0) }
        repository = try fields.text("Repository")
        hasPath = try fields.flag("HasPath")
        slot = try fields.text("Slot")
        live = try fields.object("Live").map { item throws(BackupError) in try PortageProof(item) }
        mergeOrder = try fields.integer("MergeOrder") ?? -1
        replaced = try fields.text("Replaced")
        isExplicit = try fields.flag("Explicit")
        isMerge = try fields.flag("Merge")
        isReported = try fields.flag("Reported")
    }
}
