// swift-tools-version: 6.2
import PackageDescription

// What the benchmarks need beside wrk and nginx. A package of its own, so that Petrel's stays free of it.

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]

let package = Package(
  name: "petrel-benchmarks",
  platforms: [.macOS(.v15)],
  products: [
    // The name under which Petrel looks for an engine.
    .executable(name: "llama-server", targets: ["EngineStub"]),
    .executable(name: "chat-load", targets: ["ChatLoad"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .executableTarget(
      name: "EngineStub", dependencies: nio + [.product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: settings),
    .executableTarget(name: "ChatLoad", dependencies: nio, swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
