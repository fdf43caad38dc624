// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelTerminal

struct VersionCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Show the versions of the command line and of the daemon.",
    discussion: "Never starts the daemon.")

  @Flag(help: "Print a JSON object.")
  var json = false

  func run(_ context: CommandContext) async throws {
    let target = try DaemonTarget(context)
    var server: String?
    var reason = "not reachable"
    try await context.withRunningDaemon { client in
      guard let client else { return }
      do {
        server = try await client.version().version
      } catch let error as ClientError where error.status == 401 {
        reason = "it wants an API key: set PETREL_API_KEY"
      } catch let error as ClientError {
        reason = "it answers, but does not tell: \(error)"
      }
    }
    if json {
      try context.printJSON(
        VersionReport(
          client: .init(version: PetrelVersion.current, platform: Platform.description),
          server: .init(version: server, engine: target.kind)))
      return
    }
    try context.output.write(
      """
      Client:
       Version:    \(PetrelVersion.current)
       OS/Arch:    \(Platform.description)

      Server:
       Version:    \(server ?? "(\(TerminalText.printable(reason)))")
       Engine:     \(target.kind)

      """)
  }
}

private struct VersionReport: Encodable {
  struct Client: Encodable {
    let version: String
    let platform: String
  }

  struct Server: Encodable {
    /// Absent when it is not reachable.
    let version: String?
    let engine: String
  }

  let client: Client
  let server: Server
}

/// What this program was built for, in Docker's words.
private enum Platform {
  static var description: String { system + "/" + architecture }

  private static var system: String {
    #if os(macOS)
      "darwin"
    #elseif os(Linux)
      "linux"
    #else
      "unknown"
    #endif
  }

  private static var architecture: String {
    #if arch(arm64)
      "arm64"
    #elseif arch(x86_64)
      "amd64"
    #else
      "unknown"
    #endif
  }
}
