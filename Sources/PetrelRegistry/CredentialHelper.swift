// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Subprocess
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Asks `docker-credential-<name>` for credentials, as the Docker CLI does: the server's name goes to its standard
/// input, JSON comes back.
struct CredentialHelper: Sendable {
  let name: String
  let environment: [String: String]

  /// Long enough for a person to unlock a keychain.
  private static let timeout = Duration.seconds(60)

  /// Daemons are often started with a short `PATH`; Docker installs its helpers here.
  private static let usualFolders = [
    "/usr/local/bin", "/opt/homebrew/bin", "/Applications/Docker.app/Contents/Resources/bin", "/usr/bin",
  ]

  private struct Answer: Decodable {
    var username: String
    var secret: String

    enum CodingKeys: String, CodingKey {
      case username = "Username"
      case secret = "Secret"
    }
  }

  /// Nil when the helper knows nothing of `server`. Throws when there is no such helper or it fails.
  func credential(for server: String) async throws -> RegistryCredential? {
    let text = try await run(input: server)
    guard let text else { return nil }
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(text.utf8)) else {
      throw failure("its answer is not what the protocol says")
    }
    guard !answer.secret.isEmpty else { return nil }
    return answer.username == "<token>"
      ? .identityToken(answer.secret) : .basic(user: answer.username, password: answer.secret)
  }

  /// The helper's standard output; nil when it says that it has no such credentials.
  private func run(input: String) async throws -> String? {
    let program = try executable()
    let variables = environment.reduce(into: [Environment.Key: String]()) {
      $0[Environment.Key(stringLiteral: $1.key)] = $1.value
    }
    return try await withThrowingTaskGroup(of: String?.self) { group in
      group.addTask {
        let result = try await Subprocess.run(
          .path(program), arguments: ["get"], environment: .custom(variables),
          input: .fileDescriptor(try pipe(holding: input), closeAfterSpawningProcess: true),
          output: .string(limit: 64 * 1024), error: .discarded)
        let output = result.standardOutput
        if result.terminationStatus.isSuccess { return output }
        // The protocol has no other sign for this.
        if output.contains("credentials not found in native keychain") { return nil }
        throw failure("it exits with an error")
      }
      group.addTask {
        try await Task.sleep(for: Self.timeout)
        throw failure("it does not answer")
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
  }

  /// The reading end of a pipe that holds `text` and nothing more.
  ///
  /// Subprocess's own way of feeding a child brings this process down when the child ends without reading.
  private func pipe(holding text: String) throws -> FileDescriptor {
    let bytes = Array(text.utf8)
    // What a pipe takes without a reader on every system.
    guard bytes.count <= 512 else { throw failure("the registry's name is too long for it") }
    let ends = try FileDescriptor.pipe()
    do {
      defer { try? ends.writeEnd.close() }
      try ends.writeEnd.writeAll(bytes)
    } catch {
      try? ends.readEnd.close()
      throw error
    }
    return ends.readEnd
  }

  private func executable() throws -> FilePath {
    guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }) else {
      throw failure("this is not a name of a helper")
    }
    let path = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    let candidates = (path + Self.usualFolders).map { FilePath($0).appending("docker-credential-\(name)") }
    guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0.string) }) else {
      throw failure("there is no program docker-credential-\(name)")
    }
    return found
  }

  private func failure(_ reason: String) -> RegistryError {
    RegistryError(.unauthorized, "the Docker credential helper \(quoted(name)) cannot be used: \(reason)")
  }
}
