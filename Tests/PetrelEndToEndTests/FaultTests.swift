// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTestSupport
import Subprocess
import SystemPackage
import Testing

extension EndToEnd {
  /// Pulls from a registry that misbehaves.
  @Suite struct FaultTests {
    private static let megabyte = 1024 * 1024

    @Test(arguments: [
      RegistryFault.close(afterBytes: 700_000), .close(afterBytes: megabyte * 99 / 100), .status(500),
      .status(429, headers: ["Retry-After": "1"]), .wrongBytes,
    ])
    func pullOvercomes(fault: RegistryFault) async throws {
      try await withModel(layerSizes: [Self.megabyte, 3000]) { daemon, registry, model in
        registry.inject(fault, at: model.layers[0].digest.description)
        let pulled = try await daemon.petrel("pull", "\(registry.host)/ai/bird")
        #expect(pulled.status == 0, "\(pulled.errors)")
        try await expectWhole(model, daemon)
      }
    }

    @Test func resumesWhereTheConnectionBroke() async throws {
      try await withModel(layerSizes: [Self.megabyte]) { daemon, registry, model in
        let path = model.layers[0].digest.description
        registry.inject(.close(afterBytes: 700_000), at: path)
        #expect(try await daemon.petrel("pull", "\(registry.host)/ai/bird").status == 0)
        let range = try #require(registry.requests(at: path).last?.range)
        // What the broken connection still held may be lost; on a busy machine that is much.
        let start = try #require(Int(range.dropFirst("bytes=".count).dropLast()))
        #expect((1...700_000).contains(start))
        try await expectWhole(model, daemon)
      }
    }

    @Test func ignoredRangeIsNotTakenForTheRest() async throws {
      try await withModel(layerSizes: [Self.megabyte]) { daemon, registry, model in
        let path = model.layers[0].digest.description
        registry.inject(.close(afterBytes: 700_000), at: path)
        registry.inject(.ignoreRange, at: path)
        let pulled = try await daemon.petrel("pull", "\(registry.host)/ai/bird")
        #expect(pulled.status == 0, "\(pulled.errors)")
        try await expectWhole(model, daemon)
      }
    }

    @Test func wrongBytesAreNeverStored() async throws {
      try await withModel(layerSizes: [Self.megabyte]) { daemon, registry, model in
        let path = model.layers[0].digest.description
        registry.inject(.wrongBytes, at: path, times: 50)
        let pulled = try await daemon.petrel("pull", "\(registry.host)/ai/bird")
        #expect(pulled.status == 1)
        #expect(pulled.errors.contains("digest"), "\(pulled.errors)")
        #expect(try await daemon.petrel("list", "--json").json == .array([]))
        #expect(daemon.scratch.size(of: "m/blobs/sha256/\(model.layers[0].digest.hex)") == 0)
      }
    }

    @Test func killedDaemonFetchesOnlyWhatIsMissing() async throws {
      try await Scratch.with { scratch in
        try await FakeRegistry.withRegistry { registry in
          let model = try registry.addModel("ai/bird", layerSizes: [8 * Self.megabyte])
          let path = model.layers[0].digest.description
          let reference = "\(registry.host)/ai/bird"
          registry.inject(.stall(afterBytes: 5 * Self.megabyte), at: path)
          try await Daemon.with(in: scratch, status: 137) { daemon in
            async let pull = daemon.petrel("pull", reference)
            try await eventually("most of that is on disk") {
              scratch.partialSize(of: model.layers[0].digest) >= 4 * Self.megabyte
            }
            Processes.send(.kill, to: daemon.pid)
            #expect(try await pull.status == 1)
          }
          let onDisk = scratch.partialSize(of: model.layers[0].digest)
          registry.releaseStalls()
          registry.forgetRequests()
          try await Daemon.with(in: scratch) { daemon in
            #expect(try await daemon.petrel("list", "--json").json == .array([]))
            let pulled = try await daemon.petrel("pull", reference)
            #expect(pulled.status == 0, "\(pulled.errors)")
            #expect(registry.requests(at: path).map(\.range) == ["bytes=\(onDisk)-"])
            try await expectWhole(model, daemon)
          }
        }
      }
    }

    @Test func twoClientsShareOnePullAndOneMayLeave() async throws {
      try await withModel(layerSizes: [8 * Self.megabyte, 3000]) { daemon, registry, model in
        let path = model.layers[0].digest.description
        registry.inject(.stall(afterBytes: 4 * Self.megabyte), at: path)
        let body = #"{"from":"\#(registry.host)/ai/bird"}"#
        let last = try await daemon.withStream("/models/create", body: body) { staying in
          var lines = staying.lines.makeAsyncIterator()
          let first = try await lines.next()
          #expect(try JSON(parsing: first ?? "")["type"].isText)
          try await daemon.withStream("/models/create", body: body) { leaving in
            let progress = try await leaving.lines.first { $0.contains(#""type":"progress""#) }
            #expect(progress != nil)
            leaving.send(.kill)
          }
          registry.releaseStalls()
          var last = ""
          while let line = try await lines.next() { last = line }
          return last
        }
        #expect(try JSON(parsing: last)["type"].string == "success")
        for layer in model.layers {
          #expect(registry.requests(at: layer.digest.description).count == 1)
        }
        try await expectWhole(model, daemon)
      }
    }

    @Test func pullEndsWhenItsLastClientLeaves() async throws {
      try await withModel(layerSizes: [8 * Self.megabyte]) { daemon, registry, model in
        let path = model.layers[0].digest.description
        registry.inject(.stall(afterBytes: 4 * Self.megabyte), at: path)
        let reference = "\(registry.host)/ai/bird"
        try await daemon.withStream("/models/create", body: #"{"from":"\#(reference)"}"#) { client in
          try await eventually("most of that is on disk") {
            daemon.scratch.partialSize(of: model.layers[0].digest) >= 2 * Self.megabyte
          }
          client.send(.kill)
        }
        registry.releaseStalls()
        #expect(try await daemon.petrel("list", "--json").json == .array([]))
        let pulled = try await daemon.petrel("pull", reference)
        #expect(pulled.status == 0, "\(pulled.errors)")
        try await expectWhole(model, daemon)
      }
    }

    private func withModel(
      layerSizes: [Int], _ body: @escaping @Sendable (Daemon, FakeRegistry, FakeModel) async throws -> Void
    ) async throws {
      try await FakeRegistry.withRegistry { registry in
        let model = try registry.addModel("ai/bird", layerSizes: layerSizes)
        try await Daemon.with { daemon in try await body(daemon, registry, model) }
      }
    }

    /// The model is listed and its blobs are on disk with all their bytes.
    private func expectWhole(_ model: FakeModel, _ daemon: Daemon) async throws {
      let listed = try await daemon.petrel("list", "--json").json
      #expect(listed[0]["id"].string == model.digest.description)
      for layer in model.layers {
        let file = "m/blobs/sha256/\(layer.digest.hex)"
        let sum = try await daemon.scratch.run("sha256sum", [daemon.scratch.folder.appending(file).string])
        #expect(sum.output.hasPrefix(layer.digest.hex))
      }
    }
  }
}

extension Scratch {
  /// Bytes of a blob that is not whole yet.
  fileprivate func partialSize(of digest: Digest) -> Int { size(of: "m/blobs/sha256/\(digest.hex).incomplete") }
}
