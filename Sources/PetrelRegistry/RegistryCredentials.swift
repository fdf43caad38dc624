// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelOCI
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Finds the credentials for a registry: environment (Docker Hub only), then the Docker CLI's configuration.
///
/// The file is read anew each time, so that a `docker login` takes effect while the daemon runs.
package struct RegistryCredentials: Sendable {
  private let environment: [String: String]
  private let configFile: FilePath?
  private let logger: Logger

  /// - Parameters:
  ///   - environment: read for `DOCKER_USERNAME` + `DOCKER_PASSWORD` and `DOCKER_HUB_USER` + `DOCKER_HUB_PASSWORD`, and
  ///     given to credential helpers.
  ///   - configFile: see ``configFile(environment:)``. Nil, or a file that does not exist: no stored credentials.
  package init(environment: [String: String], configFile: FilePath?, logger: Logger) {
    self.environment = environment
    self.configFile = configFile
    self.logger = logger
  }

  /// `$DOCKER_CONFIG/config.json`, else `$HOME/.docker/config.json`.
  package static func configFile(environment: [String: String]) -> FilePath? {
    if let folder = environment["DOCKER_CONFIG"], !folder.isEmpty { return FilePath(folder).appending("config.json") }
    guard let home = environment["HOME"], !home.isEmpty else { return nil }
    return FilePath(home).appending(".docker").appending("config.json")
  }

  /// - Parameter registry: as a ``ModelReference`` names it: `docker.io`, `ghcr.io`, `localhost:5000`.
  /// - Throws: ``RegistryError`` `invalidCredentialsFile` when the configuration cannot be read.
  package func credential(for registry: String) async throws -> RegistryCredential {
    if registry == ModelReference.dockerHub, let credential = environmentCredential { return credential }
    guard let config = try readConfig() else { return .anonymous }
    if let helper = config.helper(for: registry) {
      do {
        let server = DockerCLIConfig.server(for: registry)
        let found = try await CredentialHelper(name: helper, environment: environment).credential(for: server)
        if let found { return found }
      } catch let error where !(error is CancellationError) {
        logger.warning(
          "credential helper failed, going on without it",
          metadata: ["registry": "\(registry)", "helper": "\(quoted(helper))", "error": "\(error)"])
      }
    }
    return try config.storedCredential(for: registry) ?? .anonymous
  }

  private var environmentCredential: RegistryCredential? {
    for (userKey, passwordKey) in [("DOCKER_USERNAME", "DOCKER_PASSWORD"), ("DOCKER_HUB_USER", "DOCKER_HUB_PASSWORD")] {
      if let user = environment[userKey], let password = environment[passwordKey], !user.isEmpty, !password.isEmpty {
        return .basic(user: user, password: password)
      }
    }
    return nil
  }

  private func readConfig() throws(RegistryError) -> DockerCLIConfig? {
    guard let configFile, FileManager.default.fileExists(atPath: configFile.string) else { return nil }
    guard let data = try? Data(contentsOf: URL(filePath: configFile.string)) else {
      throw invalid(configFile, "cannot be read")
    }
    guard let config = try? JSONDecoder().decode(DockerCLIConfig.self, from: data) else {
      throw invalid(configFile, "is not valid JSON of the expected shape")
    }
    return config
  }

  private func invalid(_ file: FilePath, _ reason: String) -> RegistryError {
    RegistryError(
      .invalidCredentialsFile, "the Docker configuration \(quoted(file.string)) \(reason); correct or remove it")
  }
}
