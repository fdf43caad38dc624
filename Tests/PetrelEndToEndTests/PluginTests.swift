// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

extension EndToEnd {
  /// Petrel as `docker model`, under the real docker client.
  @Suite(.sharedDaemon) struct PluginTests {
    @Test func dockerRunsThePlugin() async throws {
      let daemon = try SharedDaemon.current
      let installed = try await daemon.petrel("install-plugin")
      #expect(installed.status == 0, "\(installed.errors)")
      let plugin = daemon.scratch.docker.appending("cli-plugins/docker-model").string

      let metadata = try await daemon.scratch.run(plugin, ["docker-cli-plugin-metadata"]).json
      #expect(metadata["SchemaVersion"].string == "0.1.0")
      #expect(metadata["Vendor"].isText && metadata["Version"].isText && metadata["ShortDescription"].isText)

      let list = try await docker("model", "list", "--quiet")
      #expect(list.status == 0, "\(list.errors)")
      #expect(list.output == (try await daemon.petrel("list", "--quiet")).output)

      let run = try await docker("model", "run", Daemon.model, "Say hello")
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains("Hello"))

      let piped = try await docker("model", "run", Daemon.model, input: "Say hello")
      #expect(piped.output.contains("Hello"))

      // Docker's own options come before the name of the plugin.
      let logged = try await docker("--log-level", "error", "model", "status")
      #expect(logged.status == 0)
      #expect(logged.output.contains("Docker Model Runner is running"))

      let failed = try await docker("model", "inspect", "nope")
      #expect(failed.status == 1)
      #expect(failed.errors.contains("docker model pull nope"), "\(failed.errors)")

      // Compose calls the plugin like this.
      let direct = try await daemon.scratch.run(plugin, ["status", "--json"]).json
      #expect(direct["endpoint"].isText)

      #expect(try await daemon.petrel("install-plugin").status == 0, "an update of our own plugin")
    }

    @Test func pluginOfAnotherMakerIsKept() async throws {
      try await Scratch.with { scratch in
        let script = "#!/bin/sh\necho '{\"SchemaVersion\":\"0.1.0\",\"Vendor\":\"Somebody Else\"}'\n"
        try scratch.write(script, to: "docker/cli-plugins/docker-model", executable: true)
        let refused = try await scratch.petrel("install-plugin")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("--force"))
        #expect(scratch.read("docker/cli-plugins/docker-model") == script)
        #expect(try await scratch.petrel("install-plugin", "--force").status == 0)
        #expect(scratch.size(of: "docker/cli-plugins/docker-model") > script.utf8.count)
      }
    }

    private func docker(_ arguments: String..., input: String = "") async throws -> Finished {
      try await SharedDaemon.current.scratch.run("docker", arguments, input: input)
    }
  }
}
