// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelTestSupport
import SystemPackage
import Testing

extension EndToEnd {
  /// A disk with no byte left, under everything that Petrel writes.
  @Suite(.enabled(if: SmallDisk.isPossible, "needs the right to mount a file system"))
  struct FullDiskTests {
    /// Each kind of write says that the disk is full and leaves nothing half-written; what only reads goes on; removing
    /// makes room; then all can be done.
    @Test func everyWriteSaysSoAndCanBeRepeated() async throws {
      try await SmallDisk.with(megabytes: 48) { disk in
        try await Self.with(disk) { scratch in
          try await FakeRegistry.withRegistry { registry in
            try registry.addModel("ai/bird", layerSizes: [1_000_000, 3000])
            let writes = try await Self.writes(scratch, disk, "\(registry.host)/ai/bird")
            try await Daemon.with(in: scratch) { daemon in
              try await daemon.packageDemoModel()
              #expect(try await daemon.petrel("tag", Daemon.model, "petrel/spare").status == 0)
              let variant = ["package", "--from", Daemon.model, "--context-size", "1024", "petrel/variant"]
              #expect(try await scratch.run(scratch.setup.petrel, variant).status == 0)
              #expect(try await daemon.petrel("run", Daemon.model, "Say hello").output.contains("Hello"))
              let filler = disk.appending("filler")
              try SmallDisk.fill(filler)

              for write in writes {
                let refused = try await scratch.run(scratch.setup.petrel, write)
                #expect(refused.status == 1, "\(write)")
                let text = (refused.output + refused.errors).lowercased()
                #expect(text.contains("no space left") || text.contains("not enough disk space"), "\(write): \(text)")
              }
              // An answer that comes before the archive has been sent: curl is certain to look at it.
              let loaded = try await daemon.curl(
                "/models/load", options: "--data-binary", "@" + Self.archive(scratch), "-H",
                "Content-Type: application/x-tar")
              #expect(loaded.status >= 500 && loaded.body.contains("free some space"), "\(loaded)")
              #expect(Self.halfWritten(disk) == [])
              #expect(!disk.names.contains { $0.hasSuffix(".tar") }, "\(disk.names)")
              #expect(try await daemon.petrel("fsck").status == 0)
              #expect(try await daemon.petrel("df").status == 0)
              #expect(try await daemon.petrel("list", "--json").json.elements.count == 2)
              let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"))
              #expect(answer.status == 200, "\(answer.body)")
              let removed = try await daemon.petrel("rm", "petrel/spare")
              #expect(removed.status == 0, "\(removed.errors)")

              try FileManager.default.removeItem(atPath: filler.string)
              for write in writes + [["load", Self.archive(scratch), "petrel/loaded"]] {
                let done = try await scratch.run(scratch.setup.petrel, write)
                #expect(done.status == 0, "\(write): \(done.errors)")
              }
              #expect(try await daemon.petrel("fsck").status == 0)
              #expect(Self.halfWritten(disk) == [])
            }
          }
        }
      }
    }

    /// Who has to make room must be able to start the daemon.
    @Test func aDaemonStartsOnAFullDiskAndModelsCanBeRemoved() async throws {
      try await SmallDisk.with(megabytes: 16) { disk in
        try await Self.with(disk) { scratch in
          try await Daemon.with(in: scratch) { daemon in
            try await daemon.packageDemoModel()
          }
          let filler = disk.appending("filler")
          try SmallDisk.fill(filler)
          try await Daemon.with(in: scratch) { daemon in
            #expect(try await daemon.petrel("list", "--json").json.elements.count == 1)
            let removed = try await daemon.petrel("rm", Daemon.model)
            #expect(removed.status == 0, "\(removed.errors)")
            #expect(try await daemon.petrel("list", "--json").json == .array([]))
            #expect(disk.appending("m/blobs/sha256").names == [])
            try FileManager.default.removeItem(atPath: filler.string)
            try await daemon.packageDemoModel()
            #expect(try await daemon.petrel("fsck").status == 0)
          }
        }
      }
    }

    /// A scratch folder whose home and store are on `disk`.
    private static func with(_ disk: FilePath, _ body: @Sendable (Scratch) async throws -> Void) async throws {
      try await Scratch.with { scratch in
        var onDisk = scratch
        let home = disk.appending("p")
        try FileManager.default.createDirectory(atPath: home.string, withIntermediateDirectories: true)
        onDisk.environment["PETREL_HOME"] = home.string
        onDisk.environment["MODELS_PATH"] = disk.appending("m").string
        onDisk.environment["PETREL_NO_AUTOSTART"] = "1"
        try await body(onDisk)
      }
    }

    /// Commands that write: into the store, in each way; settings and keys; files elsewhere on the disk.
    private static func writes(_ scratch: Scratch, _ disk: FilePath, _ remote: String) async throws -> [[String]] {
      var weights = try #require(FileManager.default.contents(atPath: scratch.setup.weights))
      func another(_ name: String) throws -> String {
        weights.append(7)
        let path = scratch.folder.appending(name)
        try FileManager.default.createDirectory(
          atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
        try weights.write(to: URL(filePath: path.string))
        return path.string
      }
      let packed = try await scratch.petrel(
        "package", "--gguf", another("loaded.gguf"), "--output", archive(scratch))
      try #require(packed.status == 0, "\(packed.errors)")
      _ = try another("folder/owner/imported/m-Q8_0.gguf")
      return [
        ["package", "--gguf", try another("packaged.gguf"), "petrel/packaged"],
        ["package", "--gguf", try another("written.gguf"), "--output", disk.appending("written.tar").string],
        ["package", "--from", Daemon.model, "--context-size", "512", "petrel/small"],
        ["import", "--from", scratch.folder.appending("folder").string],
        ["pull", remote],
        ["tag", Daemon.model, "petrel/tagged"],
        ["run", "petrel/variant", "Say hello"],
        ["configure", "--context-size", "2048", Daemon.model],
        ["keys", "create", "ci"],
        ["key", "generate"],
        ["export", Daemon.model, disk.appending("exported.tar").string],
      ]
    }

    private static func archive(_ scratch: Scratch) -> String { scratch.folder.appending("loaded.tar").string }

    /// Names that writes have while they go on.
    private static func halfWritten(_ disk: FilePath) -> [String] {
      let names = FileManager.default.subpaths(atPath: disk.string) ?? []
      return names.filter { $0.contains(".tmp-") || $0.contains(".tar.") || $0.hasSuffix(".new") }
    }
  }
}
