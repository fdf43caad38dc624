// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// Variants of models that the daemon has, on their way to a registry.
  @Suite struct VariantPushTests {
    /// With another context size, and with nothing changed at all.
    @Test(arguments: [["--context-size", "512"], []])
    func aVariantIsPushed(_ change: [String]) async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          try await Daemon.with(in: scratch) { daemon in
            try await daemon.packageDemoModel()
            let name = "\(registry.host)/team/variant:v1"
            let arguments = ["package", "--from", Daemon.model] + change + ["--push", name]
            let pushed = try await scratch.run(scratch.setup.petrel, arguments)
            #expect(pushed.status == 0, "\(pushed.errors)")
            let remote = try await daemon.petrel("inspect", "--remote", name)
            #expect(remote.status == 0, "\(remote.errors)")
            #expect(try remote.json["config"]["context_size"].number == (change.isEmpty ? 4096 : 512))
            #expect(try await daemon.petrel("inspect", name).json["id"] == remote.json["id"])
          }
        }
      }
    }
  }
}
