import BackupModel
import Testing

@testable import BackupPackages

/// What each kind of line of `emerge.log` is taken for.
@Suite struct PortageLineTests {
    /// The message in short.
    private func kind(_ text: String) -> String? {
        Array(text.utf8).withByteText { bytes -> String? in
            guard let message = PortageMessage(bytes) else { return nil }
            switch message {
            case .runStarted(let date): return "run \(date.string)"
            case .arguments(let text): return "arguments \(text.string)"
            case .jobStarted(let key, let root): return "start \(show(key)) \(root.string)"
            case .step(let step, let key, let path): return "\(step) \(show(key)) \(path.string)"
            case .completed(let key, let root): return "completed \(show(key)) \(root.string)"
            case .inLiveTree(let package, let slot): return "live \(package.string) \(slot?.string ?? "none")"
            case .unmerging(let atom, let isIndented):
                return "unmerging \(isIndented ? "indented" : "manual") \(atom.text.string)"
            case .unmerged(let atom): return "unmerged \(atom.text.string)"
            case .unmergeFailed(let atom): return "unmerge failed \(atom.text.string)"
            case .restarting: return "restarting"
            case .terminating: return "terminating"
            case .syncMarker: return "sync marker"
            case .syncStarted(let name): return "sync \(name.string)"
            case .syncDetail(let url): return "detail \(url.string)"
            case .syncCompleted(let name): return "synced \(name.string)"
            case .syncCompletedWith(let url): return "synced with \(url.string)"
            case .pulled(let directory): return "pulled \(directory.string)"
            case .complaint(let text): return "complaint \(text.string)"
            case .note: return "note"
            }
        }
    }

    private func show(_ key: PortageJobKey) -> String {
        "\(key.number)/\(key.total) \(key.atom.category) \(key.atom.name) \(key.atom.version)"
    }

    @Test(arguments: [
        // 1, 2: a run begins; also in the old form without options.
        ("Started emerge on: Nov 30, 2025 15:15:51", "run Nov 30, 2025 15:15:51"),
        (" *** emerge --ask --update @world", "arguments --ask --update @world"),
        (" *** emerge  sync", "arguments  sync"),
        // 3 to 8: a job.
        (" >>> emerge (3 of 27) dev-libs/a-1.0 to /", "start 3/27 dev-libs a 1.0 /"),
        (" >>> emerge (1 of 1) dev-libs/a-1.0 to /home/core/gentoo/", "start 1/1 dev-libs a 1.0 /home/core/gentoo/"),
        (
            " --- (1 of 2) Fetching Binary (dev-libs/a-1.0::/var/cache/binpkgs/a.xpak)",
            "fetchingBinary 1/2 dev-libs a 1.0 /var/cache/binpkgs/a.xpak"
        ),
        (
            " === (1 of 2) Merging Binary (dev-libs/a-1.0::/p/a-1.0.tbz2)",
            "mergingBinary 1/2 dev-libs a 1.0 /p/a-1.0.tbz2"
        ),
        (
            " === (1 of 2) Cleaning (dev-libs/a-1.0::/r/dev-libs/a/a-1.0.ebuild)",
            "cleaning 1/2 dev-libs a 1.0 /r/dev-libs/a/a-1.0.ebuild"
        ),
        (" === (1 of 2) Compiling/Merging (dev-libs/a-1.0::/x (y)/z)", "building 1/2 dev-libs a 1.0 /x (y)/z"),
        (" === (1 of 2) Compiling/Packaging (dev-libs/a-1.0::/r)", "building 1/2 dev-libs a 1.0 /r"),
        (" === (1 of 2) Merging (dev-libs/a-1.0::/r)", "merging 1/2 dev-libs a 1.0 /r"),
        // 9: with the slot, and as before 2007.
        (" >>> AUTOCLEAN: dev-libs/a:0", "live dev-libs/a 0"),
        (" >>> AUTOCLEAN: dev-libs/a:3.9", "live dev-libs/a 3.9"),
        (" >>> AUTOCLEAN: dev-libs/a", "live dev-libs/a none"),
        (" --- AUTOCLEAN: Nothing unmerged.", "note"),
        // 10, 11: removals; the indentation tells who wanted it.
        ("=== Unmerging... (dev-libs/a-0.9)", "unmerging manual dev-libs/a-0.9"),
        (" === Unmerging... (dev-libs/a-0.9)", "unmerging indented dev-libs/a-0.9"),
        (" >>> unmerge success: dev-libs/a-0.9", "unmerged dev-libs/a-0.9"),
        (" !!! unmerge FAILURE: dev-libs/a-0.9", "unmerge failed dev-libs/a-0.9"),
        // 12 to 14
        (" === (1 of 2) Updating world file (dev-libs/a-1.0)", "updatingWorld 1/2 dev-libs a 1.0 "),
        (" === (1 of 2) Post-Build Cleaning (dev-libs/a-1.0::/r)", "cleaningUp 1/2 dev-libs a 1.0 /r"),
        (" ::: completed emerge (1 of 2) dev-libs/a-1.0 to /", "completed 1/2 dev-libs a 1.0 /"),
        // 15 to 19: nothing follows from them.
        (" === Resource usage for dev-libs/a-1.0 [cpu 3 s]", "note"),
        ("--- /var/tmp has insufficient free space, emerge job parallelism reduced to 1", "note"),
        (" *** Resuming merge...", "note"),
        (" *** Finished. Cleaning up...", "note"),
        (" *** exiting successfully.", "note"),
        (" *** exiting unsuccessfully with status '130'.", "note"),
        // 20, 21
        (" *** terminating.", "terminating"),
        (" >>> depclean", "note"),
        (" === regen", "note"),
        (" === sync", "sync marker"),
        // 22 to 25: lists of packages, in the forms of all years.
        (">>> Syncing repository 'gentoo' into '/var/db/repos/gentoo'...", "sync gentoo"),
        (">>> Synchronization of repository 'x' located in '/r'...", "sync x"),
        (">>> Starting rsync with rsync://1.2.3.4/gentoo-portage", "detail rsync://1.2.3.4/gentoo-portage"),
        (">>> starting rsync with rsync://1.2.3.4/gentoo-portage", "detail rsync://1.2.3.4/gentoo-portage"),
        (">>> Starting retry 1 of 3 with rsync://1.2.3.4/gentoo-portage", "note"),
        (">>> Cancelling sync -- Already current.", "note"),
        (">>> Server out of date: rsync://1.2.3.4/gentoo-portage", "note"),
        (">>> Starting layman sync for x...", "note"),
        ("=== Sync completed for gentoo", "synced gentoo"),
        ("=== Sync completed with rsync://1.2.3.4/gentoo-portage", "synced with rsync://1.2.3.4/gentoo-portage"),
        ("!!! git fetch error in /var/db/repos/gentoo", "complaint git fetch error in /var/db/repos/gentoo"),
        ("Created new directory /var/db/repos/x", "note"),
        // 26, 27: long gone.
        (" *** RESTARTING emerge via exec() after change of portage version.", "restarting"),
        (">>> Git pull in /var/lib/layman/x successful", "pulled /var/lib/layman/x"),
    ])
    func eachKindIsKnown(text: String, expected: String) { #expect(kind(text) == expected) }

    @Test(arguments: [
        "", " ", "x", "free text", " >>> emerge (1 of 2 dev-libs/a-1 to /", " >>> emerge (1 of x) dev-libs/a-1 to /",
        // No version, no category, no root.
        " >>> emerge (1 of 2) media-libs/libpng to /", " >>> emerge (1 of 2) a-1.0 to /", " >>> emerge (1 of 2) a/b-1",
        " >>> emerge (1 of 2) a/b-1 to x", " ::: completed emerge", " ::: done", " === (1 of 2) Merging dev-libs/a-1",
        " === (1 of 2) Merging (dev-libs/a-1:/r)", " === Unmerging... (dev-libs/a)", " === Unmerging... (dev-libs/a-1",
        "=== Unmerging... (dev-libs/a-1", " >>> Starting layman sync for x...", " === Something New",
        " >>> unmerge success: XXX", " >>> AUTOCLEAN: x", " >>> AUTOCLEAN: dev-libs/a:", " *** terminated.",
        " *** exiting unsuccessfully with status 'far too long'.", " >>> Syncing repository gentoo",
        " >>> emerge (1 of 2) dev-libs/a-1 to /1648204018:  *** terminating.",
        " >>> emerge (1 of 2) dev-libs/\u{e4}-1 to /",
    ])
    func whatDoesNotFitIsNotTaken(text: String) { #expect(kind(text) == nil) }
}

@Suite struct PortageAtomTests {
    private func parts(_ text: String) -> [String]? {
        Array(text.utf8).withByteText { PortageAtom($0).map { [$0.category, $0.name, $0.version] } }
    }

    @Test(arguments: [
        ("dev-libs/openssl-1.1.1n", "openssl", "1.1.1n"),
        ("sys-libs/pam-1.5.1_p20210622-r1", "pam", "1.5.1_p20210622-r1"),
        ("media-libs/libsdl2-2.0.22", "libsdl2", "2.0.22"), ("x11-libs/gtk+-3.24.33", "gtk+", "3.24.33"),
        ("dev-libs/libpcre2-10.39-r1", "libpcre2", "10.39-r1"),
        ("sys-kernel/linux-headers-5.15-r3", "linux-headers", "5.15-r3"),
        ("virtual/libcrypt-2", "libcrypt", "2"), ("app-misc/live-9999", "live", "9999"),
        ("sys-libs/timezone-data-2022a", "timezone-data", "2022a"),
        ("a/b-1_alpha2_beta_pre3_rc4_p", "b", "1_alpha2_beta_pre3_rc4_p"),
        // A part of a name may begin with a digit.
        ("media-fonts/font-adobe-100dpi-1.0.3", "font-adobe-100dpi", "1.0.3"),
        ("media-fonts/font-bh-75dpi-1.0.3-r1", "font-bh-75dpi", "1.0.3-r1"),
        // Versions of Prefix, which no specification knows.
        ("sys-devel/gcc-4.2.4-r01.5", "gcc", "4.2.4-r01.5"), ("sys-devel/gcc-4-x_5-6+7", "gcc", "4-x_5-6+7"),
    ])
    func nameAndVersionComeApart(atom: String, name: String, version: String) throws {
        #expect(parts(atom) == [String(atom.prefix { $0 != "/" }), name, version])
    }

    @Test(arguments: [
        "", "/", "a/", "/b-1", "a/b", "a/-1", "a/b-", "a/b-x", "a/b/c-1", "a b/c-1", "a/b-1 ", "a/b-1\n", "a/b-1:0",
        "a/" + String(repeating: "b", count: 600) + "-1",
    ])
    func othersAreNoAtoms(text: String) { #expect(parts(text) == nil) }
}

@Suite struct PortageZoneTests {
    private func offset(_ date: String, _ stamp: Int64) -> Int64? {
        Array(date.utf8).withByteText { PortageZone.offset(date: $0, stamp: stamp) }
    }

    @Test func theLocalTimeBesideTheStampGivesTheZone() throws {
        let stamp = utc(2022, 3, 25, 10, 26, 58).seconds
        #expect(offset("Mar 25, 2022 10:26:57", stamp) == 0)
        #expect(offset("Mar 25, 2022 11:26:58", stamp) == 3600)
        #expect(offset("Mar 25, 2022 15:56:58", stamp) == 19800)
        #expect(offset("Mar 26, 2022 00:26:58", stamp) == 50400)
        #expect(offset("Mar 24, 2022 22:26:58", stamp) == -43200)
        // The name of the month is that of the locale.
        #expect(offset("M\u{e4}r 25, 2022 11:26:58", stamp) == 3600)
        let newYear = utc(2021, 12, 31, 23, 30).seconds
        #expect(offset("Jan 01, 2022 01:30:00", newYear) == 7200)
        let leap = utc(2024, 2, 29, 23, 0).seconds
        #expect(offset("Mar 01, 2024 00:00:01", leap) == 3600)
    }

    @Test func whatCannotBeAZoneIsNone() throws {
        let stamp = utc(2022, 3, 25, 10, 26, 58).seconds
        #expect(offset("Mar 25, 2022 10:31:58", stamp) == nil)
        #expect(offset("Mar 27, 2022 10:26:58", stamp) == nil)
        #expect(offset("Mar 25, 2023 10:26:58", stamp) == nil)
        #expect(offset("25.03.2022 10:26:58", stamp) == nil)
        #expect(offset("", stamp) == nil)
        #expect(offset("Mar 25, 2022 99:26:58", stamp) == nil)
    }
}

@Suite struct PortageRepositoryTests {
    private func name(_ path: String, _ atom: String, _ known: [String: String] = [:]) -> String? {
        var repositories = PortageRepositories(known)
        return Array(path.utf8).withByteText { path in
            Array(atom.utf8).withByteText { atom in
                PortageAtom(atom).flatMap { repositories.name(of: path, $0) }
            }
        }
    }

    @Test func thePathTellsWhereConventionOrConfigurationDo() {
        let tail = "/dev-libs/a/a-1.0-r1.ebuild"
        let atom = "dev-libs/a-1.0-r1"
        #expect(name("/var/db/repos/guru" + tail, atom) == "guru")
        #expect(name("/usr/portage" + tail, atom) == "gentoo")
        #expect(name("/home/core/gentoo/usr/portage" + tail, atom) == "gentoo")
        #expect(name("/var/lib/layman/x" + tail, atom) == "x")
        #expect(name("/srv/mine" + tail, atom) == nil)
        #expect(name("/srv/mine" + tail, atom, ["/srv/mine": "local", "/srv": "other"]) == "local")
        #expect(name("/var/db/repos/gentoo/dev-libs/b/b-1.0-r1.ebuild", atom) == nil)
        #expect(name("a-1.0-r1.ebuild", atom) == nil)
        #expect(name("", atom) == nil)
    }
}
