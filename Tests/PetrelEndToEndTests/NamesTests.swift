// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

extension EndToEnd {
  /// One normaliser for every surface: what one of them prints, each of them takes.
  @Suite struct NamesTests {
    private static let names = [
      "petrel/demo", "Team/Model:V1", "localhost:5000/a/b__c:q4", "hf.co/Org/Repo:Q4_K_M", "ai/abcdefabcdef", "latest",
      "registry-1.docker.io/ai/x.y:0",
    ]

    @Test func whatIsPrintedAnywhereIsTakenEverywhere() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        for name in Self.names.dropFirst() {
          #expect(try await daemon.petrel("tag", Daemon.model, name).status == 0, "\(name)")
        }
        let id = try #require(try await daemon.petrel("inspect", Daemon.model).json["id"].string)
        // A model without a tag.
        let archive = daemon.scratch.folder.appending("untagged.tar").string
        let packed = try await daemon.petrel(
          "package", "--gguf", daemon.scratch.setup.weights, "--context-size", "77", "--output", archive)
        #expect(packed.status == 0, "\(packed.errors)")
        #expect(try await daemon.petrel("load", archive).status == 0)

        let tables = try await daemon.petrel("list").output.split(separator: "\n").dropFirst()
        #expect(tables.count == Self.names.count + 1)
        var printed = Set(tables.compactMap { $0.split(separator: " ").first.map(String.init) })
        printed.formUnion(
          try await daemon.petrel("list", "--quiet").output.split(separator: "\n").map(String.init))
        for model in try await daemon.curl("/models").json.elements {
          printed.formUnion(model["tags"].elements.compactMap(\.string) + [model["id"].string].compactMap { $0 })
        }
        printed.formUnion(try await daemon.curl("/v1/models").json["data"].elements.compactMap { $0["id"].string })
        printed.formUnion(try await daemon.curl("/api/tags").json["models"].elements.compactMap { $0["name"].string })
        printed.remove("<none>")
        #expect(printed.count > 2 * Self.names.count)

        for name in printed {
          let inspected = try await daemon.petrel("inspect", name)
          #expect(inspected.status == 0, "\(name): \(inspected.errors)")
          let found = try inspected.json["id"].string
          for path in ["/models/\(name)", "/v1/models/\(name)"] {
            #expect(try await daemon.curl(path).status == 200, "\(path)")
          }
          #expect(try await daemon.curl("/models/\(name)").json["id"].string == found, "\(name)")
          let shown = try await daemon.curl("/api/show", body: #"{"model":"\#(name)"}"#)
          #expect(shown.status == 200, "\(name): \(shown.body)")
        }
        // Other spellings, and others' default tags, are the same model.
        let spellings =
          Self.names + [
            " PETREL/Demo ", "docker.io/petrel/demo", "index.docker.io/petrel/demo:latest", "petrel/demo:",
            "HF.co/org/repo:Q4_K_M",
            "huggingface.co/Org/Repo:Q4_K_M", "Docker.io/AI/X.Y:0", String(id.dropFirst(7)),
            String(id.dropFirst(7).prefix(12)), id,
            "petrel/demo@\(id)",
          ]
        for name in spellings {
          #expect(try await daemon.petrel("inspect", name).json["id"].string == id, "\(name)")
          let dialects = [
            ("/v1/chat/completions", #""messages":[{"role":"user","content":"Hi"}],"max_tokens":1"#),
            ("/v1/messages", #""messages":[{"role":"user","content":"Hi"}],"max_tokens":1"#),
            ("/v1/responses", #""input":"Hi","max_output_tokens":1,"store":false"#),
            ("/api/chat", #""messages":[{"role":"user","content":"Hi"}],"stream":false,"options":{"num_predict":1}"#),
          ]
          for (path, body) in dialects {
            let answer = try await daemon.curl(path, body: #"{"model":"\#(name)",\#(body)}"#)
            #expect(answer.status == 200, "\(path) with \(name): \(answer.body)")
          }
        }
      }
    }
  }
}
