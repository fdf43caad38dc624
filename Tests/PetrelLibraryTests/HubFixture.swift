// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Logging
import NIOPosix
import PetrelAPI
import PetrelHub
import PetrelOCI
import PetrelRegistry
import PetrelStore
import PetrelTestSupport
import SystemPackage

@testable import PetrelLibrary

/// A library on a scratch folder and a fake hub to pull from.
struct HubFixture {
  let library: ModelLibrary
  let hub: FakeHub
  let folder: FilePath

  var store: ModelStore { library.store }

  /// - Parameters:
  ///   - environment: of the daemon.
  ///   - limits: of downloads.
  static func with<R>(
    environment: [String: String] = [:], limits: TransferLimits = TransferLimits(),
    _ body: (HubFixture) async throws -> R
  ) async throws -> R {
    try await FakeHub.with { hub in
      try await withTemporaryFolder { folder in
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let retries = RetryPolicy(attempts: 3, sleep: { _ in await Task.yield() })
        let http = HTTPClient(
          eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
          configuration: RegistryClient.configuration())
        let registries = RegistryClient(
          httpClient: http, credentials: RegistryCredentials(environment: [:], configFile: nil, logger: logger),
          configuration: RegistryConfiguration(retryPolicy: retries), logger: logger)
        let store = try await ModelStore.open(at: folder.appending("store"), logger: logger)
        let library = ModelLibrary(
          store: store, source: registries,
          hub: HubClient(
            web: registries.web, settings: HubSettings(endpoint: hub.endpoint, environment: environment)),
          retryPolicy: retries, limits: limits, logger: logger)
        do {
          let result = try await body(HubFixture(library: library, hub: hub, folder: folder))
          await library.shutdown()
          try await http.shutdown()
          return result
        } catch {
          hub.releaseStalls()
          await library.shutdown()
          try? await http.shutdown()
          throw error
        }
      }
    }
  }

  /// Pulls to the end and returns the last line.
  @discardableResult
  func pull(_ name: String, token: String? = nil) async throws -> ProgressLine {
    var last: ProgressLine?
    for await line in try await library.pull(name, bearerToken: token) { last = line }
    guard let last else { throw DeadlinePassed("a pull without a line") }
    return last
  }

  /// The content of a layer.
  func content(_ layer: Descriptor) async throws -> [UInt8] { try await store.blobBytes(layer) }
}
