// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

extension EndToEnd {
  /// The examples of Petrel's own documents: they run as they are written, one after the other, and print what is shown.
  @Suite struct ManualTests {
    @Test(arguments: ["docs/http-api.md", "docs/anthropic.md", "docs/ollama.md", "docs/responses.md"])
    func `Requests in the documents of the API get the answers that are shown`(document: String) async throws {
      let commands = try Manual(document).commands
      #expect(!commands.isEmpty)
      try await Self.withMachine { machine in
        for command in commands { try await Self.check(command, machine) }
      }
    }

    /// Left out: what needs the network or root, what another program must have left, what starts or ends a daemon, asks
    /// or speaks on a terminal, shows an error, or has chance in its first line.
    private static let leftOut = [
      "make ", "sudo ", "petrel pull ai/", "petrel pull hf.co/", "petrel import", "petrel stop-runner",
      "petrel install-runner", "petrel install-plugin", "LLAMA_ARGS=", "petrel run petrel/demo \"Say hello\"",
      "petrel serve", "petrel start-runner", "petrel rpc-worker",
      "petrel configure petrel/demo -- --log-file", "petrel pull localhost:5000", "petrel rm nope", "petrel prune",
      "petrel purge", "petrel load", "petrel logs", "petrel key ", "petrel keys create", "petrel keys revoke",
    ]

    @Test(arguments: [("README.md", 15), ("docs/cli.md", 20), ("docs/store.md", 2)])
    func `Commands in documents print what is shown`(document: String, atLeast count: Int) async throws {
      let manual = try Manual(document)
      let commands = manual.commands.filter { command in
        !Self.leftOut.contains { command.text.hasPrefix($0) } && !command.shown.contains { $0.hasPrefix("> ") }
      }
      #expect(commands.count > count)
      try await Self.withMachine { machine in
        for command in commands { try await Self.check(command, machine) }
        for block in manual.blocks("python") {
          try await machine.run(
            DocumentedExample("README", in: .python, block.joined(separator: "\n"), prints: "1, 2, 3"))
        }
      }
    }

    /// A machine on which the examples find what they speak of.
    private static func withMachine(
      _ body: @escaping @Sendable (DocumentedMachine) async throws -> Void
    ) async throws {
      try await DocumentedMachine.with(models: [Daemon.model, "ai/reranker"], hub: false) { machine in
        try await machine.furnishHome()
        let setUp = try await machine.daemon.scratch.run(
          "bash",
          [
            "-c",
            machine.placed(
              """
              set -e
              cd /home/tom
              mkdir bin Models
              ln -s '\(machine.daemon.scratch.setup.petrel)' bin/petrel
              cp '\(machine.daemon.scratch.setup.weights)' Models/petrel-demo-Q8_0.gguf
              cp Models/petrel-demo-Q8_0.gguf demo.gguf
              echo Free > LICENSE
              touch -d '1 year ago' '\(machine.daemon.scratch.models)/blobs/sha256/\(partial).incomplete'
              bin/petrel install-plugin
              for tag in v1 v3; do
                bin/petrel tag petrel/demo localhost:5000/team/demo:$tag
                bin/petrel push localhost:5000/team/demo:$tag
              done
              """),
          ])
        try #require(setUp.status == 0, "\(setUp.errors)")
        try await body(machine)
      }
    }

    /// The digest of a file that was never downloaded to its end.
    private static let partial = String(repeating: "9f1c", count: 16)

    private static func check(_ command: ManualCommand, _ machine: DocumentedMachine) async throws {
      let scratch = machine.daemon.scratch
      // Ollama's client is in the tests' Python.
      let text = machine.placed(command.text).replacing("python3 -c", with: "'\(scratch.setup.python)' -c")
      let bin = scratch.folder.appending("home/bin").string
      let result = try await scratch.run(
        "bash", ["-c", "cd; \(text)"], environment: ["PATH": bin + ":" + (scratch.environment["PATH"] ?? "")])
      let printed = result.output + result.errors
      #expect(result.status == 0, "\(text)\n\(printed)")
      // Of several lines the last: how much progress is shown before it is up to the network.
      let keys = Self.keys(command.shown.last { $0.contains("{") } ?? "")
      if keys.isEmpty {
        guard let first = command.shown.first(where: { $0 != "…" }) else { return }
        let wanted = Self.shape(machine.placed(first))
        let lines = printed.split(separator: "\n").map { Self.shape(String($0)) }
        #expect(lines.contains { $0.hasPrefix(wanted) }, "\(text)\nshould print \(first)\nand prints \(printed)")
      } else {
        let missing = keys.subtracting(Self.keys(printed))
        #expect(missing.isEmpty, "\(text)\n\(missing.sorted()) should be in \(printed)")
      }
    }

    /// Names of members of JSON objects.
    private static func keys(_ text: String) -> Set<Substring> {
      Set(text.matches(of: /"([A-Za-z_.-]+)": ?/).map(\.1))
    }

    /// A line without what differs from run to run: figures, digests, blanks in tables, and what is left out.
    private static func shape(_ line: String) -> String {
      let begin =
        line.split(separator: "…", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? ""
      return begin.replacing(/[0-9][0-9a-f.]*/, with: "#").replacing(/\s+/, with: " ").trimming()
    }
  }
}

extension String {
  fileprivate func trimming() -> String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
