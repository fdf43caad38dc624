// SPDX-License-Identifier: Apache-2.0

import NIOPosix
import PetrelEngineImages
import PetrelEngines
import PetrelRegistry
import SystemPackage

extension Daemon {
  /// Installs the engine of an image, with the registries, proxies and credentials of this configuration. Needs no
  /// daemon that runs.
  ///
  /// - Parameters:
  ///   - image: `REGISTRY/IMAGE[:TAG]` or `…@sha256:…`.
  ///   - progress: gets a line for people now and then.
  /// - Returns: the version's name, its folder, and whether anything had to be done.
  package func installEngine(
    from image: String, force: Bool, progress: @escaping @Sendable (String) -> Void
  ) async throws -> (version: String, directory: FilePath, isNew: Bool) {
    let connections = try registryConnections(MultiThreadedEventLoopGroup.singleton)
    let engine = LlamaCpp(home: configuration.home, environment: configuration.environment)
    let installer = EngineImageInstaller(client: registryClient(connections), engine: engine)
    do {
      let name = image == "official" ? LlamaCpp.officialImage : image
      let installed = try await installer.install(name, force: force, progress: progress)
      await connections.shutdown()
      return installed
    } catch {
      await connections.shutdown()
      throw error
    }
  }
}
