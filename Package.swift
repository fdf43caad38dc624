// swift-tools-version: 6.2
import PackageDescription

// One direction of dependencies: a target may depend only on targets listed above it.
// docs/architecture.md names each room's duty.

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
  .product(name: "NIOHTTP1", package: "swift-nio"),
]
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

/// A library room: its sources live in `Sources/<name>`. Its tests may look inside, in release builds too.
func room(_ name: String, _ dependencies: [Target.Dependency], extra: [SwiftSetting] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings + [.unsafeFlags(["-enable-testing"])] + extra)
}

/// Tests are built in the release configuration too, so that everything is compiled once. They gain nothing from the
/// optimiser, and that of Swift 6.3.1 crashes on some asynchronous functions.
func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, resources: resources,
    swiftSettings: settings + [.unsafeFlags(["-Onone"])])
}

let package = Package(
  name: "petrel",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "petrel", targets: ["petrel"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    // Values: pure; no files, sockets, clocks or environment.
    room("PetrelWire", []),
    room("PetrelOCI", ["PetrelWire", crypto]),
    room("PetrelPrompts", ["PetrelWire"]),
    room("PetrelAnthropic", ["PetrelPrompts", "PetrelWire"]),
    room("PetrelResponses", ["PetrelPrompts", "PetrelWire"]),
    room("PetrelGGUF", []),
    room("PetrelMemory", ["PetrelGGUF"]),
    room("PetrelSafetensors", []),
    room("PetrelTar", []),
    room("PetrelAPI", ["PetrelOCI", "PetrelWire"]),
    room("PetrelSigning", ["PetrelOCI", "PetrelWire", crypto]),
    room("PetrelOllama", ["PetrelOCI", "PetrelWire", "PetrelAPI"]),

    // Adapters: one kind of input and output each.
    room("PetrelAccess", [crypto, systemPackage]),
    room("PetrelStore", ["PetrelOCI", "PetrelTar", "PetrelWire", crypto, logging, systemPackage]),
    room(
      "PetrelRegistry",
      [
        "PetrelOCI", "PetrelWire", asyncHTTPClient, nioSSL, logging, systemPackage,
        .product(name: "Subprocess", package: "swift-subprocess"),
      ] + nio),
    room("PetrelHub", ["PetrelOCI", "PetrelRegistry", crypto] + nio),
    room("PetrelImport", ["PetrelOCI", "PetrelHub", systemPackage]),
    room("PetrelProcess", [logging, systemPackage, .product(name: "Subprocess", package: "swift-subprocess")]),
    room(
      "PetrelTLS",
      [
        crypto, nioSSL, systemPackage, .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ]),
    room("PetrelHTTP", [logging, nioSSL, .product(name: "NIOExtras", package: "swift-nio-extras")] + nio),
    room("PetrelTerminal", [systemPackage]),
    room("PetrelDatabase", [systemPackage, .product(name: "GRDB", package: "GRDB.swift")]),
    room(
      "PetrelRecords",
      [
        "PetrelOCI", "PetrelAPI", "PetrelDatabase", logging, systemPackage,
        .product(name: "GRDB", package: "GRDB.swift"),
      ]),
    room(
      "PetrelResponseStore",
      ["PetrelWire", "PetrelDatabase", logging, systemPackage, .product(name: "GRDB", package: "GRDB.swift")]),

    // Use cases.
    room(
      "PetrelPackaging",
      ["PetrelOCI", "PetrelGGUF", "PetrelSafetensors", "PetrelTar", "PetrelWire", crypto, systemPackage]),
    room(
      "PetrelLibrary",
      [
        "PetrelOCI", "PetrelGGUF", "PetrelMemory", "PetrelWire", "PetrelAPI", "PetrelSigning", "PetrelStore",
        "PetrelRegistry", "PetrelHub", "PetrelPackaging", crypto, logging, systemPackage,
      ] + nio),
    room(
      "PetrelEngines",
      ["PetrelOCI", "PetrelMemory", "PetrelWire", "PetrelAPI", "PetrelProcess", logging, systemPackage] + nio),
    room(
      "PetrelScheduling",
      [
        "PetrelOCI", "PetrelMemory", "PetrelWire", "PetrelAPI", "PetrelStore", "PetrelProcess", "PetrelEngines",
        logging, systemPackage,
      ]),

    // Headers of the system's zlib.
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    room(
      "PetrelEngineImages",
      ["PetrelOCI", "PetrelTar", "PetrelRegistry", "PetrelEngines", "CZlib", crypto, systemPackage] + nio),

    // Edges.
    room(
      "PetrelServer",
      [
        "PetrelOCI", "PetrelWire", "PetrelPrompts", "PetrelAnthropic", "PetrelResponses", "PetrelAPI",
        "PetrelSigning", "PetrelOllama", "PetrelStore", "PetrelResponseStore", "PetrelPackaging", "PetrelLibrary",
        "PetrelEngines", "PetrelScheduling", "PetrelHTTP", "PetrelRecords", "PetrelAccess", logging, systemPackage,
        "PetrelMemory",
      ] + nio),
    room("PetrelClient", ["PetrelWire", "PetrelAPI", asyncHTTPClient, nioSSL] + nio),

    // Composition.
    room(
      "PetrelDaemon",
      [
        "PetrelOCI", "PetrelMemory", "PetrelPrompts", "PetrelAPI", "PetrelSigning", "PetrelStore", "PetrelRegistry",
        "PetrelHub",
        "PetrelLibrary", "PetrelEngines", "PetrelProcess", "PetrelScheduling", "PetrelTLS", "PetrelHTTP",
        "PetrelRecords", "PetrelServer", "PetrelResponseStore", asyncHTTPClient, logging, nioSSL, systemPackage,
        "PetrelAccess", "PetrelEngineImages",
        .product(name: "Yams", package: "Yams"),
      ] + nio),
    room(
      "PetrelCommands",
      [
        "PetrelOCI", "PetrelMemory", "PetrelWire", "PetrelAPI", "PetrelSigning", "PetrelAccess", "PetrelImport",
        "PetrelPackaging",
        "PetrelEngines", "PetrelClient",
        "PetrelTerminal", "PetrelDaemon", logging, systemPackage,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ] + nio,
      // The optimiser of Swift 6.3.1 crashes on this room's asynchronous commands; nothing in it is hot.
      extra: [.unsafeFlags(["-Onone"])]),
    .executableTarget(
      name: "petrel", dependencies: ["PetrelCommands"], swiftSettings: settings,
      // One file that runs where no Swift and no SQLite is installed, and less memory.
      linkerSettings: [
        .unsafeFlags(
          ["-static-stdlib", "-Xlinker", "--strip-debug", "-Xlinker", "--icf=safe"]
            + [
              "CoreFoundation", "_FoundationCollections", "_FoundationCShims", "_FoundationICU", "dispatch",
              "BlocksRuntime",
            ].map {
              "-l\($0)"
            } + ["-Xlinker", "--as-needed", "-l:libsqlite3.a"], .when(platforms: [.linux], configuration: .release))
      ]),

    // Tests.
    room("PetrelTestSupport", ["PetrelOCI", "PetrelWire", crypto, nioSSL, systemPackage] + nio),
    tests("PetrelAPITests", ["PetrelAPI", "PetrelOCI", "PetrelWire"]),
    tests("PetrelWireTests", ["PetrelWire", "PetrelTestSupport"]),
    tests("PetrelPromptsTests", ["PetrelPrompts", "PetrelWire"]),
    tests("PetrelAnthropicTests", ["PetrelAnthropic", "PetrelPrompts", "PetrelWire", "PetrelTestSupport"]),
    tests("PetrelResponsesTests", ["PetrelResponses", "PetrelPrompts", "PetrelWire", "PetrelTestSupport"]),
    tests(
      "PetrelResponseStoreTests",
      [
        "PetrelResponseStore", "PetrelWire", "PetrelTestSupport", logging, systemPackage,
        .product(name: "GRDB", package: "GRDB.swift"),
      ]),
    tests("PetrelOCITests", ["PetrelOCI", "PetrelWire", "PetrelTestSupport"]),
    tests("PetrelGGUFTests", ["PetrelGGUF", "PetrelTestSupport"]),
    tests("PetrelMemoryTests", ["PetrelMemory", "PetrelGGUF", "PetrelTestSupport"]),
    tests("PetrelSafetensorsTests", ["PetrelSafetensors", "PetrelTestSupport"]),
    tests("PetrelTarTests", ["PetrelTar", "PetrelTestSupport"]),
    tests("PetrelSigningTests", ["PetrelSigning", "PetrelOCI", "PetrelWire", crypto]),
    tests("PetrelOllamaTests", ["PetrelOllama", "PetrelOCI", "PetrelAPI", "PetrelWire"]),
    tests("PetrelAccessTests", ["PetrelAccess", "PetrelTestSupport", systemPackage]),
    tests("PetrelStoreTests", ["PetrelStore", "PetrelOCI", "PetrelTar", "PetrelTestSupport", logging, systemPackage]),
    tests(
      "PetrelRegistryTests",
      [
        "PetrelRegistry", "PetrelOCI", "PetrelWire", "PetrelTestSupport", asyncHTTPClient, nioSSL, logging,
        systemPackage,
      ] + nio),
    tests(
      "PetrelHubTests",
      ["PetrelHub", "PetrelRegistry", "PetrelOCI", "PetrelTestSupport", asyncHTTPClient, logging, systemPackage] + nio),
    tests("PetrelImportTests", ["PetrelImport", "PetrelOCI", "PetrelTestSupport", systemPackage]),
    tests("PetrelTerminalTests", ["PetrelTerminal", systemPackage]),
    tests("PetrelPackagingTests", ["PetrelPackaging", "PetrelOCI", "PetrelTar", "PetrelTestSupport", systemPackage]),
    tests(
      "PetrelLibraryTests",
      [
        "PetrelLibrary", "PetrelSigning", "PetrelStore", "PetrelRegistry", "PetrelHub", "PetrelPackaging", "PetrelOCI",
        "PetrelAPI",
        "PetrelTestSupport", asyncHTTPClient, logging, systemPackage,
      ] + nio),
    tests(
      "PetrelClientTests",
      ["PetrelClient", "PetrelAPI", "PetrelOCI", "PetrelWire", "PetrelTestSupport", systemPackage] + nio),
    tests(
      "PetrelCommandsTests",
      [
        "PetrelCommands", "PetrelDaemon", "PetrelTestSupport", "PetrelClient", "PetrelTerminal", "PetrelAPI",
        "PetrelOCI", "PetrelWire", "PetrelSigning", "PetrelAccess", systemPackage,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ] + nio),
    tests("PetrelTLSTests", ["PetrelTestSupport", "PetrelTLS", crypto, nioSSL, systemPackage]),
    tests("PetrelHTTPTests", ["PetrelTestSupport", "PetrelHTTP", logging, systemPackage] + nio),
    tests("PetrelProcessTests", ["PetrelTestSupport", "PetrelProcess", logging, systemPackage]),
    tests(
      "PetrelRecordsTests", ["PetrelTestSupport", "PetrelRecords", "PetrelAPI", "PetrelOCI", logging, systemPackage]),
    tests(
      "PetrelEnginesTests",
      [
        "PetrelEngines", "PetrelProcess", "PetrelAPI", "PetrelOCI", "PetrelMemory", "PetrelWire", "PetrelTestSupport",
        logging, systemPackage,
      ] + nio, resources: [.copy("Fixtures")]),
    tests(
      "PetrelEngineImagesTests", ["PetrelEngineImages", "PetrelOCI", "PetrelTar", "PetrelTestSupport", systemPackage]),
    tests(
      "PetrelSchedulingTests",
      [
        "PetrelScheduling", "PetrelMemory", "PetrelEngines", "PetrelProcess", "PetrelAPI", "PetrelOCI",
        "PetrelTestSupport", logging,
        systemPackage,
      ] + nio),
    tests(
      "PetrelServerTests",
      [
        "PetrelServer", "PetrelScheduling", "PetrelMemory", "PetrelEngines", "PetrelProcess", "PetrelHTTP",
        "PetrelLibrary", "PetrelStore", "PetrelResponseStore", "PetrelPrompts", "PetrelAPI", "PetrelOCI", "PetrelWire",
        "PetrelRecords", "PetrelTestSupport", "PetrelAccess", logging, systemPackage,
        .product(name: "Yams", package: "Yams"), "PetrelOllama",
      ] + nio, resources: [.copy("Golden")]),
    tests(
      "PetrelDaemonTests",
      [
        "PetrelDaemon", "PetrelRecords", "PetrelServer", "PetrelRegistry", "PetrelAPI", "PetrelOCI", "PetrelPrompts",
        "PetrelResponseStore", "PetrelSigning", "PetrelHTTP", "PetrelTestSupport", logging, systemPackage,
      ]),
    tests(
      "PetrelEndToEndTests",
      ["PetrelOCI", "PetrelTestSupport", systemPackage, .product(name: "Subprocess", package: "swift-subprocess")]),
  ],
  swiftLanguageModes: [.v6]
)
