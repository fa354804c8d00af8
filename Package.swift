// swift-tools-version: 6.2
import PackageDescription

// One list of settings for every target: the target graph and these flags are the architecture's fence
// (see doc/design.md, "Targets").
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

/// A library target with the settings every target of the package shares.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The test target that belongs to the library `name`.
func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: [.target(name: name)] + dependencies,
        resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "guerillabackup",
    products: [.executable(name: "gb", targets: ["gb"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // In the order the data meets them.
        library("BackupModel", []),
        library("BackupConfig", ["BackupModel", yams]),
        .target(name: "CBackupShims"),
        library("BackupSystem", ["BackupModel", "CBackupShims", system]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        library("BackupCompression", ["BackupModel", "CZstd"]),
        .systemLibrary(name: "CGpgme", pkgConfig: "gpgme", providers: [.apt(["libgpgme-dev"])]),
        library("BackupCrypto", ["BackupModel", "CGpgme"]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        library("BackupDigest", ["COpenSSL"]),
        library("BackupPipeline", ["BackupModel", "BackupDigest", "BackupSystem", subprocess, system]),
        library("BackupPackages", ["BackupModel", "BackupSystem"]),
        library(
            "BackupUnits",
            [
                "BackupModel", "BackupConfig", "BackupCompression", "BackupDigest", "BackupPackages", "BackupPipeline",
                "BackupSystem",
            ]),
        library("BackupStorage", ["BackupModel", "BackupDigest", "BackupSystem"]),
        library(
            "BackupTransfer",
            ["BackupModel", "BackupDigest", "BackupSystem", "BackupStorage", nioCore, nioPosix]),
        library("BackupRestore", ["BackupModel", "BackupSystem", "BackupStorage", "BackupPipeline"]),
        library(
            "BackupEngine",
            [
                "BackupModel", "BackupConfig", "BackupSystem", "BackupCompression", "BackupCrypto", "BackupPipeline",
                "BackupPackages", "BackupUnits", "BackupStorage", "BackupTransfer", "BackupRestore", "CBackupShims",
                logging, nioCore, nioPosix, serviceLifecycle, subprocess, system, unixSignals,
            ]),
        library(
            "BackupCommands",
            [
                "BackupModel", "BackupConfig", "BackupCrypto", "BackupSystem", "BackupPackages", "BackupPipeline",
                "BackupUnits", "BackupStorage", "BackupTransfer", "BackupRestore", "BackupEngine", "CBackupShims",
                argumentParser, logging,
            ]),
        .executableTarget(name: "gb", dependencies: ["BackupCommands"], swiftSettings: strict),

        library("BackupTestKit", ["BackupModel", "BackupSystem", "BackupStorage"]),
        tests("BackupModel", ["BackupTestKit"]),
        tests("BackupConfig", ["BackupModel", "BackupTestKit"]),
        tests("BackupSystem", ["BackupModel", "BackupTestKit"]),
        tests("BackupCompression", ["BackupModel", "BackupTestKit"]),
        tests("BackupCrypto", ["BackupModel"]),
        tests("BackupDigest", []),
        tests("BackupPipeline", ["BackupModel", "BackupSystem", "BackupTestKit"]),
        tests(
            "BackupPackages", ["BackupModel", "BackupSystem", "BackupTestKit"], resources: [.copy("Fixtures")]),
        tests(
            "BackupUnits",
            ["BackupModel", "BackupConfig", "BackupPackages", "BackupSystem", "BackupPipeline", "BackupTestKit"]),
        tests("BackupStorage", ["BackupModel", "BackupSystem", "BackupTestKit"], resources: [.copy("Fixtures")]),
        tests(
            "BackupTransfer",
            ["BackupModel", "BackupDigest", "BackupSystem", "BackupStorage", "BackupTestKit", nioCore, nioPosix],
            resources: [.copy("Fixtures")]),
        tests("BackupRestore", ["BackupModel", "BackupSystem", "BackupStorage", "BackupPipeline", "BackupTestKit"]),
        tests(
            "BackupEngine",
            [
                "BackupModel", "BackupConfig", "BackupCrypto", "BackupSystem", "BackupPackages", "BackupStorage",
                "BackupUnits", "BackupPipeline", "BackupTransfer", "BackupRestore", "BackupTestKit",
            ]),
        tests(
            "BackupCommands",
            ["BackupModel", "BackupSystem", "BackupPackages", "BackupStorage", "BackupTestKit", "gb"]),
    ]
)
