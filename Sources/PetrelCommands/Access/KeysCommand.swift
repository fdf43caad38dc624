// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAccess
import PetrelTerminal

struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Make, list and revoke API keys of this machine's daemon.",
    discussion: """
      Keys are kept in PETREL_HOME, and a daemon that runs learns of changes at once. It asks for keys on addresses \
      that other machines can reach, or on all with `serve --auth`.
      """,
    subcommands: [KeysCreateCommand.self, KeysListCommand.self, KeysRevokeCommand.self])
}

struct KeysCreateCommand: PetrelSubcommand {
  private static let most = 1_000_000

  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a key and print it. It is shown this once.")

  @Argument(help: "A name by which you will know it.")
  var name: String

  @Option(
    help: ArgumentHelp(
      "What it is for: inference, models (change what is stored) or admin (everything); may be repeated. "
        + "(default: inference)"))
  var scope: [String] = []

  @Option(help: ArgumentHelp("How long it is valid: 12h, 30d. (default: for ever)", valueName: "duration"))
  var expires: String?

  @Option(help: ArgumentHelp("Requests a minute. (default: no limit)", valueName: "requests"))
  var rate: Int?

  @Option(help: ArgumentHelp("Requests at the same time. (default: no limit)", valueName: "requests"))
  var concurrency: Int?

  @Flag(help: "Print a JSON object.")
  var json = false

  func run(_ context: CommandContext) async throws {
    let now = Int64(context.clock.now())
    let secret = KeySecret()
    let key = APIKey(
      name: try checkedName(), secret: secret, scopes: try scopes(), created: now,
      expires: try expires.map { try expiry($0, after: now) }, requestsPerMinute: try limit(rate, "--rate"),
      concurrentRequests: try limit(concurrency, "--concurrency"))
    try PetrelHomeFolder.create(context.petrelHome)
    try APIKeyFile(home: context.petrelHome).add(key)
    if json {
      try context.printJSON(KeyObject(key, secret: secret.text))
    } else {
      try context.output.line(secret.text)
      context.errors.notice("Keep it: only its digest is stored, and it can't be shown again.")
    }
  }

  private func checkedName() throws -> String {
    let isPlain = name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
    guard !name.isEmpty, name.count <= 100, isPlain else {
      throw CommandError(.usage, "a key's name has 1 to 100 characters, and no blanks")
    }
    return name
  }

  private func scopes() throws -> [AccessScope] {
    let names = scope.flatMap { $0.split(separator: ",").map(String.init) }
    let known = AccessScope.allCases.map(\.rawValue).joined(separator: ", ")
    let scopes = try names.map { name in
      guard let scope = AccessScope(rawValue: name) else {
        throw CommandError(.usage, "there is no scope \"\(name)\"; want one of \(known)")
      }
      return scope
    }
    return scopes.isEmpty ? [.inference] : scopes
  }

  private func expiry(_ text: String, after now: Int64) throws -> Int64 {
    guard let seconds = KeyLifetime.seconds(text), seconds > 0 else {
      throw CommandError(.usage, "--expires is \"\(text)\", but it must be a duration such as 12h or 30d")
    }
    return now + seconds
  }

  private func limit(_ number: Int?, _ option: String) throws -> Int? {
    guard let number else { return nil }
    guard (1...Self.most).contains(number) else {
      throw CommandError(.usage, "\(option) must be a number from 1 to \(Self.most)")
    }
    return number
  }
}

struct KeysListCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the keys, without their secrets.", aliases: ["ls"])

  @Flag(help: "Print a JSON array.")
  var json = false

  func run(_ context: CommandContext) async throws {
    let keys = try APIKeyFile(home: context.petrelHome).read()
    if json {
      try context.printJSON(keys.map { KeyObject($0) })
    } else {
      try context.output.write(KeyListing(keys, now: Int64(context.clock.now())).rendered())
    }
  }
}

struct KeysRevokeCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Remove keys. Requests that run are completed.", aliases: ["rm"])

  @Argument(help: "Names or IDs of keys.")
  var keys: [String]

  func run(_ context: CommandContext) async throws {
    let file = APIKeyFile(home: context.petrelHome)
    for name in keys {
      let key = try file.remove(name)
      context.errors.notice("Revoked \(key.name) (\(key.id))")
    }
  }
}
