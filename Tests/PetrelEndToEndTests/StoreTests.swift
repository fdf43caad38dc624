// SPDX-License-Identifier: Apache-2.0

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
  /// What the store promises: it can be checked and mended, and no moment is a bad one for a crash.
  @Suite struct StoreTests {
    @Test func aDamagedModelIsFoundAndMended() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          try await Daemon.with(in: scratch) { daemon in
            let name = "\(registry.host)/team/demo:v1"
            try await daemon.packageDemoModel()
            #expect(try await daemon.petrel("tag", Daemon.model, name).status == 0)
            #expect(try await daemon.petrel("push", name).status == 0)
            #expect(try await daemon.petrel("fsck").status == 0)

            let file = try #require(Self.largestBlob(of: scratch))
            try Self.damage(file)
            // The engine may fail or not; the check does not miss it.
            let found = try await daemon.petrel("fsck", "--json")
            #expect(found.status == 1)
            #expect(try found.json["problems"][0]["problem"]["kind"].string == "damaged-blob")
            let mended = try await daemon.petrel("fsck", "--repair")
            #expect(mended.status == 0, "\(mended.output)\(mended.errors)")
            #expect(mended.output.contains("1 problem(s), 1 repaired."))
            #expect(try await daemon.petrel("fsck").status == 0)
            #expect(try await daemon.petrel("run", name, "Say hello").output.contains("Hello"))
          }
        }
      }
    }

    @Test func anEngineThatCannotLoadADamagedModelSaysWhy() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let file = try #require(Self.largestBlob(of: daemon.scratch))
        try Self.damage(file, at: 0)
        let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Hello"))
        #expect(answer.status == 500)
        #expect(answer.body.contains("petrel fsck --repair \(Daemon.model)"), "\(answer.body)")
        #expect(try await daemon.petrel("fsck").status == 1)
      }
    }

    @Test func aLoadedModelIsUnloadedWhenItIsRemoved() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.petrel("run", "--detach", Daemon.model).status == 0)
        #expect(try await daemon.curl("/engines/ps").json.elements.count == 1)
        let removed = try await daemon.petrel("rm", Daemon.model)
        #expect(removed.status == 0, "\(removed.errors)")
        #expect(try await daemon.curl("/engines/ps").json == .array([]))
        #expect(daemon.scratch.files(below: "m/blobs") == [])
        #expect(daemon.scratch.files(below: "m/bundles") == [])
        let left = try await daemon.petrel("prune", "--dry-run")
        #expect(left.output == "Reclaimable space: 0.00B\n")
      }
    }

    @Test func anAnswerEndsBeforeItsModelGoes() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let events = try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 200)) { client in
          var lines = client.lines.makeAsyncIterator()
          _ = try await lines.next()
          #expect(try await daemon.petrel("rm", Daemon.model).status == 0)
          var last = ""
          while let line = try await lines.next() { if line.hasPrefix("data: ") { last = line } }
          return last
        }
        #expect(events == "data: [DONE]")
        try await eventually("the engine has ended") {
          try await daemon.curl("/engines/ps").json == .array([])
        }
        #expect(daemon.scratch.files(below: "m/blobs") == [])
      }
    }

    @Test func diskUsageAddsUpAndPruneFreesWhatItSays() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let orphan = Array("of no model".utf8)
        try daemon.scratch.write("of no model", to: "m/blobs/sha256/\(Digest(of: orphan).hex)")
        try daemon.scratch.write("half", to: "m/blobs/sha256/\(Digest(of: [1]).hex).incomplete")
        let before = try await daemon.petrel("df", "--json").json
        let parts = before["parts"].elements.filter { $0["type"].string != "Inference engine" }
        #expect(parts.compactMap { $0["size"].number }.reduce(0, +) == before["models_disk_usage"].number)
        #expect(parts.compactMap { $0["reclaimable"].number }.reduce(0, +) == 15)
        let pruned = try await daemon.petrel("prune", "--force")
        #expect(pruned.status == 0 && pruned.output.hasSuffix("Total reclaimed space: 15.00B\n"), "\(pruned.output)")
        let after = try await daemon.petrel("df", "--json").json
        #expect(after["models_disk_usage"].number == before["models_disk_usage"].number.map { $0 - 15 })
        #expect(try await daemon.petrel("fsck").status == 0)
        let purged = try await daemon.petrel("purge", input: "y\n")
        #expect(purged.status == 0)
        #expect(try await daemon.petrel("list", "--json").json == .array([]))
      }
    }

    @Test func aTornIndexIsMadeAnew() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        try daemon.scratch.write(#"{"models":[{"id":"#, to: "m/models.json")
        let failed = try await daemon.petrel("list")
        #expect(failed.status == 1 && failed.errors.contains("petrel fsck --repair"), "\(failed.errors)")
        #expect(try await daemon.petrel("fsck").status == 1)
        #expect(try await daemon.petrel("fsck", "--repair").status == 0)
        let tags = try await daemon.petrel("list", "--json").json[0]["tags"]
        #expect(tags == .array([.string("docker.io/\(Daemon.model):latest")]))
      }
    }

    /// Kills the daemon while it packages, removes and prunes, at moments that differ from round to round.
    @Test func killedAtAnyMomentTheStoreIsSound() async throws {
      try await Scratch.with { scratch in
        var random = Seeded(state: 20_261_121)
        for round in 0..<9 {
          let delay = Duration.microseconds(Int64(random.next() % 60_000))
          let command = [
            ["package", "--gguf", scratch.setup.weights, "petrel/killed"], ["rm", "petrel/killed"],
            ["prune", "--all", "--force"],
          ][round % 3]
          try await Daemon.with(in: scratch, status: 137) { daemon in
            if round == 0 { try await daemon.packageDemoModel() }
            let orphan = "orphan \(round)"
            try scratch.write(orphan, to: "m/blobs/sha256/\(Digest(of: Array(orphan.utf8)).hex)")
            async let outcome = scratch.petrelStatus(command)
            // A moment to be killed at, not something to wait for.
            try await Task.sleep(for: delay)
            Processes.send(.kill, to: daemon.pid)
            _ = try await outcome
          }
          try await Daemon.with(in: scratch) { daemon in
            let checked = try await daemon.petrel("fsck")
            #expect(checked.status == 0, "round \(round), \(command[0]): \(checked.output)\(checked.errors)")
            let listed = try await daemon.petrel("list", "--json").json.elements
            #expect(listed.contains { $0["tags"][0].string == "docker.io/\(Daemon.model):latest" }, "round \(round)")
          }
        }
        try await Daemon.with(in: scratch) { daemon in
          let said = try await daemon.petrel("run", Daemon.model, "Say hello").output
          #expect(said.contains("Hello"))
        }
      }
    }

    private static func largestBlob(of scratch: Scratch) -> FilePath? {
      let folder = "m/blobs/sha256"
      let names = scratch.files(below: folder).sorted {
        scratch.size(of: "\(folder)/\($0)") < scratch.size(of: "\(folder)/\($1)")
      }
      return names.last.map { scratch.folder.appending(folder).appending($0) }
    }

    /// Changes bytes in place, as a bad disk would.
    private static func damage(_ path: FilePath, at offset: Int64 = 1_000_000) throws {
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path.string)
      let file = try FileDescriptor.open(path, .writeOnly)
      try file.closeAfter { _ = try file.writeAll(toAbsoluteOffset: offset, Array("damage!!".utf8)) }
    }
  }
}

/// The same numbers in every run.
private struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
}

extension Scratch {
  fileprivate func petrelStatus(_ arguments: [String]) async throws -> Int32 {
    // Must not start a daemon of its own when the other has been killed.
    try await run(setup.petrel, arguments, environment: ["PETREL_NO_AUTOSTART": "1"]).status
  }
}
