// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOPosix
import PetrelOCI
import PetrelRegistry
import PetrelTestSupport
import Synchronization
import SystemPackage
import Testing

/// A client and what it has been told to wait for.
struct ClientFixture: Sendable {
  let registry: FakeRegistry
  let client: RegistryClient
  let pauses: Pauses

  var reference: ModelReference { registry.reference("ai/tiny") }

  /// Pauses between retries, recorded instead of slept.
  final class Pauses: Sendable {
    private let state = Mutex<[Duration]>([])
    var all: [Duration] { state.withLock { $0 } }
    func add(_ pause: Duration) { state.withLock { $0.append(pause) } }
  }

  /// Runs `body` with a fake registry and a client for it.
  static func run(
    environment: [String: String] = [:], configFile: FilePath? = nil, stallTimeout: Duration = .seconds(20),
    mirrors: [RegistryEndpoint] = [], chunkSize: Int64 = 32 * 1024 * 1024, proxies: ProxySettings = ProxySettings(),
    insecureRegistries: Set<String> = [], _ body: (ClientFixture) async throws -> Void
  ) async throws {
    try await FakeRegistry.withRegistry { registry in
      let pauses = Pauses()
      let policy = RetryPolicy(attempts: 4, random: { 1 }, sleep: { pauses.add($0) })
      let connections = try RegistryConnections(group: MultiThreadedEventLoopGroup.singleton, proxies: proxies)
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
      let client = RegistryClient(
        connections: connections,
        credentials: RegistryCredentials(environment: environment, configFile: configFile, logger: logger),
        configuration: RegistryConfiguration(
          insecureRegistries: insecureRegistries, mirrors: mirrors, retryPolicy: policy, stallTimeout: stallTimeout,
          chunkSize: chunkSize),
        logger: logger)
      do {
        try await body(ClientFixture(registry: registry, client: client, pauses: pauses))
      } catch {
        await connections.shutdown()
        throw error
      }
      await connections.shutdown()
    }
  }

  /// Reads a stream to its end.
  func bytes(of stream: BlobStream) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for try await chunk in stream.chunks { bytes.append(contentsOf: chunk.readableBytesView) }
    return bytes
  }
}

extension FakeModel {
  func layerBytes(_ index: Int = 0) -> [UInt8] { Array(layerContents[index].readableBytesView) }
}

/// Expects a ``RegistryError`` with this code and returns it.
@discardableResult
func expectRegistryError<Result>(
  _ code: RegistryError.Code, sourceLocation: SourceLocation = #_sourceLocation,
  _ operation: () async throws -> Result
) async -> RegistryError? {
  do {
    _ = try await operation()
    Issue.record("no error", sourceLocation: sourceLocation)
  } catch let error as RegistryError {
    #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    return error
  } catch {
    Issue.record("\(error)", sourceLocation: sourceLocation)
  }
  return nil
}
