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
  /// Pulls of a blob that is large enough to come in ranges, onto a disk that fills up, by a daemon that is killed.
  @Suite(.serialized) struct LargePullTests {
    private static let chunk = 8 * 1024 * 1024
    private static let size = 9 * chunk + 4321

    /// Kills at points that a generator with this seed chooses. A failure names the point.
    @Test func killedAtManyPointsAPullLosesNothing() async throws {
      try await Scratch.with { scratch in
        try await FakeRegistry.withRegistry { registry in
          let model = try registry.addModel("ai/whale", layerSizes: [Self.size, 3_000_000, 500])
          let layer = model.layers[0].digest
          var points = SeededPoints(seed: 20_261_121)
          try await FaultProxy.with(registry.host, blob: layer) { proxy in
            var known: Set<Int> = []
            var isWhole = false
            for kill in 0..<7 where !isWhole {
              let wanted = min(Self.size / Self.chunk, known.count + points.next(below: 3))
              proxy.forgetRequests()
              try await killDuringPull("\(proxy.host)/ai/whale", in: scratch, when: "kill \(kill) at \(wanted)") {
                scratch.hasBlob(layer) || scratch.chunks(of: layer).count >= wanted
              }
              // What was there before was not asked for again.
              for chunk in known {
                #expect(!proxy.askedForChunk(chunk, of: Self.chunk), "kill \(kill), chunk \(chunk)")
              }
              try await expectNothingCorrupt(scratch)
              isWhole = scratch.hasBlob(layer)
              let now = scratch.chunks(of: layer)
              #expect(isWhole || now.isSuperset(of: known), "kill \(kill) lost chunks")
              known = now
            }
            proxy.forgetRequests()
            let (expected, mustBeWhole) = (known, isWhole)
            try await Daemon.with(in: scratch) { daemon in
              let listed = try await daemon.petrel("list", "--json").json
              #expect(listed == .array([]) || listed[0]["id"].string == model.digest.description)
              let pulled = try await daemon.petrel("pull", "\(proxy.host)/ai/whale")
              #expect(pulled.status == 0, "\(pulled.errors)")
              for chunk in expected { #expect(!proxy.askedForChunk(chunk, of: Self.chunk)) }
              #expect(!mustBeWhole || proxy.requests.isEmpty)
              #expect(try await daemon.petrel("list", "--json").json[0]["id"].string == model.digest.description)
            }
            try await expectNothingCorrupt(scratch)
            #expect(scratch.blobNames.allSatisfy { $0.count == 64 })
          }
        }
      }
    }

    @Test(.enabled(if: SmallDisk.isPossible, "needs the right to mount a file system"))
    func aDiskThatFillsUpKeepsWhatCame() async throws {
      try await SmallDisk.with(megabytes: 100) { disk in
        try await Scratch.with { scratch in
          try await FakeRegistry.withRegistry { registry in
            let model = try registry.addModel("ai/whale", layerSizes: [Self.size])
            let layer = model.layers[0].digest
            try await FaultProxy.with(registry.host, blob: layer) { proxy in
              let records = disk.appending("blobs/sha256/\(layer.hex).petrel-records")
              let filler = disk.appending("filler")
              for chunk in 4..<9 { proxy.inject(.stall, at: Int64(chunk * Self.chunk + 1)) }
              try await Daemon.with(in: scratch, environment: ["MODELS_PATH": disk.string]) { daemon in
                async let pull = daemon.petrel("pull", "\(proxy.host)/ai/whale")
                try await eventually("four chunks are there") { records.chunks.count >= 4 }
                try SmallDisk.fill(filler)
                proxy.releaseStalls()
                let full = try await pull
                #expect(full.status == 1)
                #expect(full.errors.contains("free some space"), "\(full.errors)")
                let kept = records.chunks
                #expect(kept.count >= 4)
                #expect(try await daemon.petrel("list", "--json").json == .array([]))
                try FileManager.default.removeItem(atPath: filler.string)
                proxy.forgetFaults()
                proxy.forgetRequests()
                let pulled = try await daemon.petrel("pull", "\(proxy.host)/ai/whale")
                #expect(pulled.status == 0, "\(pulled.errors)")
                for chunk in kept { #expect(!proxy.askedForChunk(chunk, of: Self.chunk)) }
              }
            }
          }
        }
      }
    }

    /// Starts a daemon and a pull, and kills the daemon as soon as `isDue`.
    private func killDuringPull(
      _ name: String, in scratch: Scratch, when what: String, _ isDue: @escaping @Sendable () -> Bool
    ) async throws {
      try await Daemon.with(in: scratch, status: 137) { daemon in
        // Not the command, which would start another daemon.
        async let pull = scratch.run("curl", ["-sN", daemon.url + "/models/create", "-d", #"{"from":"\#(name)"}"#])
        try await PetrelTestSupport.eventually(what) { isDue() }
        Processes.send(.kill, to: daemon.pid)
        _ = try await pull
      }
    }

    /// What has a blob's name has its bytes.
    private func expectNothingCorrupt(_ scratch: Scratch) async throws {
      for name in scratch.blobNames where name.count == 64 {
        let sum = try await scratch.run("sha256sum", [scratch.models.appending("blobs/sha256/\(name)").string])
        #expect(sum.output.hasPrefix(name))
      }
    }
  }
}

/// Numbers that are the same in every run.
private struct SeededPoints {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next(below bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}

extension FaultProxy {
  /// Whether somebody asked for the first byte of a chunk.
  fileprivate func askedForChunk(_ chunk: Int, of size: Int) -> Bool {
    requests.contains { request in
      let bounds = (request.range ?? "").dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
      return bounds.count == 2 && (bounds[0]...bounds[1]).contains(chunk * size)
    }
  }
}

extension FilePath {
  /// The chunks that a checkpoint file has.
  fileprivate var chunks: Set<Int> {
    // A line that is being written ends nowhere yet.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    return Set(lines.filter { $0.hasPrefix("w ") }.compactMap { Int($0.split(separator: " ")[1]) })
  }
}

extension Scratch {
  fileprivate var blobNames: [String] { models.appending("blobs/sha256").names }
  fileprivate func hasBlob(_ digest: Digest) -> Bool { blobNames.contains(digest.hex) }
  fileprivate func chunks(of digest: Digest) -> Set<Int> {
    models.appending("blobs/sha256/\(digest.hex).petrel-records").chunks
  }
}
