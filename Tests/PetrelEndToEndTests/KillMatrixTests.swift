// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import PetrelOCI
  import PetrelTestSupport
  import Subprocess
  import SystemPackage
  import Testing

  #if canImport(FoundationEssentials)
    import FoundationEssentials
  #else
    import Foundation
  #endif

  extension EndToEnd {
    /// Kills the daemon when the store has changed once, twice, … while it pulls, packages, loads, removes and prunes.
    @Suite struct KillMatrixTests {
      enum Act: CaseIterable { case pull, package, load, remove, prune }

      @Test(arguments: Act.allCases)
      func afterAnyChangeTheStoreIsSound(_ act: Act) async throws {
        try await Scratch.with { scratch in
          try await FakeRegistry.withRegistry { registry in
            let model = try registry.addModel("ai/bird", layerSizes: [900_000, 300_000, 3000])
            let scene = try await Scene(scratch: scratch, act: act, remote: "\(registry.host)/ai/bird", model: model)
            try await Daemon.with(in: scratch) { try await $0.packageDemoModel() }
            var changes = 0
            var complete: Set<String> = []
            while try await scene.round(killedAfter: changes, complete: &complete) {
              // Close together at first, then wider apart.
              changes += 1 + changes / 4
            }
            #expect(changes > 3)
            try await Daemon.with(in: scratch) { daemon in try await scene.expectSound(daemon, "at the end") }
          }
        }
      }
    }
  }

  private struct Scene: Sendable {
    let scratch: Scratch
    let act: EndToEnd.KillMatrixTests.Act
    let remote: String
    let model: FakeModel
    let archive: FilePath

    static let name = "petrel/killed"

    init(scratch: Scratch, act: EndToEnd.KillMatrixTests.Act, remote: String, model: FakeModel) async throws {
      self.scratch = scratch
      self.act = act
      self.remote = remote
      self.model = model
      archive = scratch.folder.appending("other.tar")
      let weights = scratch.folder.appending("other.gguf")
      let bytes = try #require(FileManager.default.contents(atPath: scratch.setup.weights))
      try (bytes + [1]).write(to: URL(filePath: weights.string))
      let packed = try await petrel("package", "--gguf", weights.string, "--output", archive.string)
      try #require(packed.status == 0, "\(packed.errors)")
    }

    private var blobs: FilePath { scratch.models.appending("blobs/sha256") }

    /// Starts a daemon, looks whether all is well, and kills it after so many changes of what it is then asked to do.
    /// Returns false if that was done before.
    ///
    /// - Parameter complete: blobs that were whole at the last look. Those of a pull must be there still.
    func round(killedAfter changes: Int, complete: inout Set<String>) async throws -> Bool {
      let known = complete
      let moment: Comment = "\(act), killed after \(changes) changes"
      let isKilled = try await withDaemon { daemon in
        try await expectSound(daemon, moment)
        if act == .pull { #expect(known.isSubset(of: Set(blobs.names)), "\(moment): a blob is lost") }
        try await prepare(daemon)
        let folders = ["", "blobs/sha256", "manifests/sha256", "bundles/sha256"]
        let watch = try FolderWatch(folders.map { scratch.models.appending($0) })
        async let isKilled = watch.kill(daemon.pid, afterChanges: changes)
        let outcome = try await run(daemon)
        watch.finish()
        let wasKilled = await isKilled
        #expect(wasKilled || outcome == 0, moment)
        return wasKilled
      }
      complete = Set(blobs.names.filter { $0.utf8.count == 64 })
      return isKilled
    }

    /// A daemon that may be killed or not.
    private func withDaemon(_ body: @escaping @Sendable (Daemon) async throws -> Bool) async throws -> Bool {
      let port = try #require(Ports.free())
      return try await DaemonSlots.shared.withSlot {
        let (isKilled, status) = try await Program.withService(
          scratch.setup.petrel, ["serve", "--port", "\(port)"], environment: scratch.environment,
          log: scratch.folder.appending("daemon.log"), stop: { Processes.send(.terminate, to: $0) }
        ) { pid in
          try await eventually("the daemon listens") { Ports.answers(port) }
          return try await body(Daemon(scratch: scratch, pid: pid, port: Int(port)))
        }
        #expect(status == (isKilled ? 137 : 0), "the daemon's end")
        return isKilled
      }
    }

    private func prepare(_ daemon: Daemon) async throws {
      switch act {
      case .pull, .package, .load:
        // What an earlier round has completed begins anew; what it left is gone on with.
        guard try await daemon.petrel("list", "--json").json.elements.count > 1 else { return }
        let name = act == .pull ? remote : Self.name
        let isTagged = try await daemon.petrel("rm", name).status == 0
        if !isTagged { _ = try await daemon.petrel("prune", "--all", "--force") }
      case .remove:
        let packaged = try await daemon.petrel(
          "package", "--gguf", scratch.folder.appending("other.gguf").string, Self.name)
        try #require(packaged.status == 0, "\(packaged.errors)")
      case .prune:
        for number in 0..<4 {
          let orphan = "orphan \(number)"
          try scratch.write(orphan, to: "m/blobs/sha256/\(Digest(of: Array(orphan.utf8)).hex)")
          try scratch.write(orphan, to: "m/blobs/sha256/\(Digest(of: [UInt8(number)]).hex).incomplete")
        }
      }
    }

    /// The exit status of the command.
    private func run(_ daemon: Daemon) async throws -> Int32 {
      switch act {
      // Not the command, which would try again.
      case .pull:
        try await scratch.run(
          "curl",
          ["-sN", "-H", "Accept: application/json", daemon.url + "/models/create", "-d", #"{"from":"\#(remote)"}"#]
        )
        .output.contains(#""type":"success""#) ? 0 : 1
      case .package:
        try await petrel("package", "--gguf", scratch.folder.appending("other.gguf").string, Self.name).status
      case .load: try await petrel("load", archive.string, Self.name).status
      case .remove: try await petrel("rm", Self.name).status
      case .prune: try await petrel("prune", "--all", "--force").status
      }
    }

    /// Must not start a daemon of its own when the other has been killed.
    private func petrel(_ arguments: String...) async throws -> Finished {
      try await scratch.run(scratch.setup.petrel, arguments, environment: ["PETREL_NO_AUTOSTART": "1"])
    }

    /// Every model is whole, the one that nobody touched is there, and what has a blob's name has its bytes.
    func expectSound(_ daemon: Daemon, _ moment: Comment) async throws {
      let checked = try await daemon.petrel("fsck")
      #expect(checked.status == 0, "\(moment): \(checked.output)\(checked.errors)")
      let listed = try await daemon.petrel("list", "--json").json.elements
      #expect(listed.contains { $0["tags"][0].string == "docker.io/\(Daemon.model):latest" }, moment)
      for name in blobs.names where name.utf8.count == 64 {
        let bytes = try #require(FileManager.default.contents(atPath: blobs.appending(name).string))
        #expect(Digest(of: Array(bytes)).hex == name, "\(moment): \(name)")
      }
    }
  }
#endif
