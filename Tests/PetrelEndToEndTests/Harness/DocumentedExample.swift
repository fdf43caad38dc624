// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

/// Something that a document tells its readers to run, as it is written there.
struct DocumentedExample: Sendable {
  enum Language: Sendable { case shell, python, frameworksPython, javaScript }

  let name: String
  var language = Language.shell
  let text: String
  /// What standard output must hold.
  let expected: [String]

  init(_ name: String, in language: Language = .shell, _ text: String, prints expected: String...) {
    self.name = name
    self.language = language
    self.text = text
    self.expected = expected
  }
}

/// A machine as documents take it for granted: the models that they name are there or can be pulled and pushed, the
/// daemon is found where they say, and answers do not depend on chance.
struct DocumentedMachine: Sendable {
  let daemon: Daemon
  let registry: ContainerRegistry

  /// - Parameters:
  ///   - models: names that the demo model gets.
  ///   - hub: whether the registry is in the place of Docker Hub.
  static func with(
    models: [String], hub: Bool = true, _ body: @escaping @Sendable (DocumentedMachine) async throws -> Void
  ) async throws {
    try await Scratch.with { scratch in
      try await ContainerRegistry.with(in: scratch) { registry in
        var changed = scratch
        if hub { changed.environment["DEFAULT_REGISTRY"] = registry.host }
        changed.environment["LLAMA_ARGS"] = "--metrics --threads 1 --temp 0"
        let scratch = changed
        try await Daemon.with(in: scratch) { daemon in
          for model in models {
            let packaged = try await daemon.petrel("package", "--gguf", scratch.setup.weights, model)
            try #require(packaged.status == 0, "\(packaged.errors)")
          }
          try await body(DocumentedMachine(daemon: daemon, registry: registry))
        }
      }
    }
  }

  /// Puts the ports that are free here in the place of those that documents name, and does nothing else to the text.
  func placed(_ text: String) -> String {
    text.replacing("localhost:12434", with: "localhost:\(daemon.port)")
      .replacing(/localhost:500[01]/, with: "localhost:\(registry.port)")
      .replacing("/home/tom", with: daemon.scratch.folder.appending("home").string)
  }

  /// Places for sockets, and for names that only containers know.
  func furnishHome() async throws {
    let scratch = daemon.scratch
    try scratch.write(
      "connect-to = \"model-runner.docker.internal:80:127.0.0.1:\(daemon.port)\"\nsilent\nshow-error\n",
      to: "home/.curlrc")
    for place in ["home/.docker/run/docker.sock", "home/.petrel/petrel.sock"] {
      let path = scratch.folder.appending(place)
      let made = try await scratch.run("mkdir", ["-p", path.removingLastComponent().string])
      try #require(made.status == 0, "\(made.errors)")
      let linked = try await scratch.run("ln", ["-s", scratch.socket.string, path.string])
      try #require(linked.status == 0, "\(linked.errors)")
    }
  }

  /// Runs an example and checks what it prints.
  func run(_ example: DocumentedExample) async throws {
    let scratch = daemon.scratch
    let text = placed(example.text)
    let home = scratch.folder.appending("home").string
    let result: Finished
    switch example.language {
    case .shell:
      result = try await scratch.run("bash", ["-c", "cd '\(home)'\n\(text)"])
    case .python:
      result = try await scratch.run(scratch.setup.python, ["-"], input: text)
    case .frameworksPython:
      result = try await scratch.run(
        scratch.setup.frameworksPython, ["-"], input: text,
        environment: ["LITELLM_LOCAL_MODEL_COST_MAP": "True"])
    case .javaScript:
      let file = try scratch.write(text, to: "home/example.mjs")
      result = try await scratch.run("node", [file.string])
    }
    #expect(result.status == 0, "\(example.name): \(result.output)\(result.errors)")
    for part in example.expected {
      #expect(result.output.contains(part), "\(example.name): \(result.output)\(result.errors)")
    }
  }
}
