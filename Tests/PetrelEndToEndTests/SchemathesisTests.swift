// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

extension EndToEnd {
  /// schemathesis makes requests up from the OpenAPI document, right and wrong ones, and looks at what comes back. A
  /// status of 500 or more fails the test, and so does one that is not in the document, or an answer that does not have
  /// the form that it says. The requests are the same in every run.
  @Suite struct SchemathesisTests {
    @Test(arguments: ["openai", "anthropic", "ollama", "models", "engines", "system"])
    func `Requests made up from the OpenAPI document get answers that are in it`(tag: String) async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          var changed = scratch
          changed.environment.merge([
            // Made-up names of models must not lead out of this machine.
            "DEFAULT_REGISTRY": registry.host, "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost",
            // One for each mode: some requests want them to be kept for ever.
            "PETREL_MAX_RUNNERS": "8",
          ]) { $1 }
          let closed = changed
          try await Daemon.with(in: closed) { daemon in
            try await daemon.packageDemoModel()
            // Answers need not be long.
            let configured = try await daemon.petrel("configure", Daemon.model, "--", "--predict", "16")
            #expect(configured.status == 0, "\(configured.errors)")
            try await Self.run(tag: tag, daemon)
            #expect(try await daemon.curl("/health").json["status"].string == "ok")
          }
        }
      }
    }

    private static func run(tag: String, _ daemon: Daemon) async throws {
      let scratch = daemon.scratch
      let document = try scratch.write("", to: "document.json")
      let prepared = try await scratch.run(
        scratch.setup.python, ["-", daemon.url, document.string], input: preparation)
      try #require(prepared.status == 0, "\(prepared.errors)")
      let settings = try scratch.write(
        // A model that knows no infill, and what the engine does not implement, is no fault of the server.
        "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"3xx\", \"4xx\", \"501\"]\n",
        to: "schemathesis.toml")
      let program = FilePath(scratch.setup.python).removingLastComponent().appending("schemathesis").string
      let checks = [
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
        "response_schema_conformance",
      ]
      // It leaves notes in its working directory.
      let result = try await scratch.run(
        "sh",
        [
          "-c", #"cd "$0" && exec "$@""#, scratch.folder.string, program,
          "--config-file", settings.string, "run", document.string, "--url", daemon.url, "--include-tag", tag,
          "--checks", checks.joined(separator: ","), "--phases", "coverage,fuzzing", "--max-examples", "20",
          "--generation-deterministic", "--continue-on-failure", "--warnings", "off", "--request-timeout", "60",
          "--no-color",
        ])
      #expect(result.status == 0, "\(result.output)\(result.errors)")
      #expect(result.output.contains("No issues found"), "\(result.output)")
      let count = try #require(result.output.firstMatch(of: /([0-9]+) generated/)).1
      #expect(try #require(Int(count)) > 50, "\(result.output)")
    }

    /// Puts the names of models that are here into the document, and leaves out what can't be tried like this.
    private static let preparation = """
      import json, sys, urllib.request

      base, target = sys.argv[1:]
      with urllib.request.urlopen(base + "/openapi.json") as answer:
          document = json.load(answer)
      paths, schemas = document["paths"], document["components"]["schemas"]
      document["servers"] = [{"url": base}]
      for path in paths.values():
          path.pop("servers", None)

      # They remove what the others need, or install things. Archives and files are no JSON.
      for path in ["/models/purge", "/engines/install-backend", "/engines/uninstall-backend", "/models/load"]:
          del paths[path]
      # A stream without an end.
      logs = paths["/logs"]["get"]
      logs["parameters"] = [p for p in logs["parameters"] if p["name"] != "follow"]
      # With this header the answer is empty, for which a schema of answers has no words.
      for path in ["/v1/chat/completions", "/v1/completions"]:
          del paths[path]["post"]["parameters"]

      here = {"enum": ["petrel/demo"]}
      # What is to be removed or replaced has a name of its own.
      other = {"enum": ["petrel/other"]}


      def named(name):
          return {"type": "object", "required": ["model"], "properties": {"model": name}}


      schemas["ModelName"] = here
      schemas["OllamaModelName"] = named(here)
      document["components"]["parameters"]["Name"]["schema"] = here
      paths["/models/{name}"]["delete"]["parameters"].append(
          {"name": "name", "in": "path", "required": True, "schema": other})
      paths["/api/delete"]["delete"]["requestBody"]["content"]["application/json"]["schema"] = named(other)
      for schema in ["OllamaTransferRequest", "OllamaCreateRequest"]:
          schemas[schema]["allOf"][0] = named(other)
      # Each size is an engine of its own.
      schemas["OllamaOptions"]["properties"]["num_ctx"] = {"enum": [512]}

      with open(target, "w") as file:
          json.dump(document, file)
      """
  }
}
