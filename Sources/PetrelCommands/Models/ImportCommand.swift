// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelImport
import PetrelOCI
import PetrelTerminal
import SystemPackage

struct ImportCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Take in models that other programs have on this machine, without copying them.")

  @Option(
    help: ArgumentHelp(
      "Where to look: ollama, huggingface, lmstudio or a folder. Everywhere by default.", valueName: "source"))
  var from: String?

  @Flag(help: "Only list what would be imported.")
  var dryRun = false

  @Flag(help: "Make hard links into any folder: its files must never be written to again.")
  var link = false

  @Argument(help: "Only these models; all by default.")
  var models: [String] = []

  private struct Candidate {
    let model: FoundModel
    let source: ImportSource
  }

  var modelNames: [String] { models }

  func run(_ context: CommandContext) async throws {
    let candidates = try search(context)
    guard !candidates.isEmpty else {
      context.errors.notice("No models found.")
      return
    }
    if dryRun {
      let rows = candidates.map { candidate in
        [candidate.model.name, HumanUnits.bytes(candidate.model.size), candidate.source.title]
      }
      try context.output.write(TextTable(header: ["MODEL NAME", "SIZE", "FOUND IN"], rows: rows).rendered())
      return
    }
    try await context.withDaemon { client in try await take(candidates, with: client, context) }
  }

  private func search(_ context: CommandContext) throws -> [Candidate] {
    var candidates: [Candidate] = []
    for source in try sources(context) {
      let findings = source.findings()
      candidates += findings.models.map { Candidate(model: $0, source: source) }
      // When certain models are wanted, nobody cares about others.
      if models.isEmpty {
        for reason in findings.skipped { context.errors.notice("Skipped in \(source.title): \(reason)") }
      }
    }
    guard !models.isEmpty else { return candidates }
    for name in models where !candidates.contains(where: { $0.model.matches(name) }) {
      throw CommandError(
        .modelNotFound,
        "\(name) is not among the models of other programs; `\(ProgramName.current) import --dry-run` lists those")
    }
    return candidates.filter { candidate in models.contains { candidate.model.matches($0) } }
  }

  private func sources(_ context: CommandContext) throws -> [ImportSource] {
    let known = ImportSource.known(environment: context.environment, home: context.userHome)
    let kind: ImportSource.Kind
    switch from {
    case nil: return known
    case "ollama": kind = .ollama
    case "huggingface", "hf": kind = .hubCache
    case "lmstudio", "lm-studio": kind = .lmStudio
    case .some(let path):
      let folder = context.resolve(path)
      guard (try? folder.stat().type) == .directory else {
        throw CommandError(.usage, "\(path) is not a folder; --from takes ollama, huggingface, lmstudio or a folder")
      }
      return [ImportSource(at: folder)]
    }
    return known.filter { $0.kind == kind }
  }

  /// One failure does not keep the other models out.
  private func take(_ candidates: [Candidate], with client: DaemonClient, _ context: CommandContext) async throws {
    var failures = 0
    for candidate in candidates {
      let model = candidate.model
      context.errors.notice("Reading \(model.name) (\(HumanUnits.bytes(model.size)))")
      for notice in model.notices { context.errors.notice("\(model.name): \(notice)") }
      do {
        let response = try await client.importModel(request(for: candidate))
        let copied = response.files.filter { $0.method == "copied" }.reduce(Int64(0)) { $0 + $1.size }
        if copied > 0 {
          context.errors.notice(
            "\(HumanUnits.bytes(copied)) of \(model.name) had to be copied: its files and the store cannot share them")
        }
        try context.output.line("Imported \(context.names.display(response.name)) (\(response.id.short))")
      } catch let error as ClientError where error.status != nil && error.status != 403 {
        failures += 1
        context.errors.notice("Failed to import \(model.name): \(error)")
      }
    }
    guard failures == 0 else {
      throw CommandError(.transferFailed, "\(failures) of \(candidates.count) models could not be imported")
    }
  }

  private func request(for candidate: Candidate) -> ImportRequest {
    let model = candidate.model
    return ImportRequest(
      name: model.name,
      files: model.files.map {
        ImportRequest.File(path: $0.path.string, mediaType: $0.mediaType, name: $0.name, digest: $0.digest)
      },
      contextSize: model.contextSize, created: model.modified, link: link || candidate.source.hasSettledFiles)
  }
}
