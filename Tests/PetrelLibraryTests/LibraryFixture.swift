// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Logging
import NIOPosix
import PetrelAPI
import PetrelOCI
import PetrelRegistry
import PetrelSigning
import PetrelStore
import PetrelTestSupport
import Synchronization
import SystemPackage

@testable import PetrelLibrary

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A library on a scratch folder and a fake registry to pull from and push to.
struct LibraryFixture {
  let library: ModelLibrary
  let registry: FakeRegistry
  let changes: Counter

  var store: ModelStore { library.store }

  /// - Parameters:
  ///   - freeSpace: what the disk claims to have left, in bytes.
  ///   - limits: of downloads.
  static func with<R>(
    freeSpace: Int64 = .max, limits: TransferLimits = TransferLimits(), signatures: SignaturePolicy = SignaturePolicy(),
    _ body: (LibraryFixture) async throws -> R
  ) async throws -> R {
    let root = FilePath(FileManager.default.temporaryDirectory.path)
      .appending("petrel-library-\(UInt64.random(in: .min ... .max))")
    defer { try? FileManager.default.removeItem(atPath: root.string) }
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let retries = RetryPolicy(attempts: 3, sleep: { _ in await Task.yield() })
    let http = HTTPClient(
      eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
      configuration: RegistryClient.configuration())
    let client = RegistryClient(
      httpClient: http, credentials: RegistryCredentials(environment: [:], configFile: nil, logger: logger),
      configuration: RegistryConfiguration(retryPolicy: retries), logger: logger)
    do {
      let result = try await FakeRegistry.withRegistry { registry in
        let store = try await ModelStore.open(at: root, logger: logger, freeSpace: { _ in freeSpace })
        let changes = Counter()
        let library = ModelLibrary(
          store: store, source: client, retryPolicy: retries, limits: limits, signaturePolicy: signatures,
          logger: logger,
          onChange: { changes.increment() })
        do {
          let result = try await body(LibraryFixture(library: library, registry: registry, changes: changes))
          await library.shutdown()
          return result
        } catch {
          registry.releaseStalls()
          await library.shutdown()
          throw error
        }
      }
      try await http.shutdown()
      return result
    } catch {
      try? await http.shutdown()
      throw error
    }
  }

  func name(_ repository: String, tag: String = "latest") -> String {
    registry.reference(repository, tag: tag).description
  }

  /// Pulls to the end and returns all lines.
  @discardableResult
  func pull(_ name: String) async throws -> [ProgressLine] {
    try await library.pull(name).reduce(into: []) { $0.append($1) }
  }

  /// Runs `body` while the registry's stalled responses, now and later, go on.
  func releasingStalls<R>(_ body: () async throws -> R) async rethrows -> R {
    let registry = registry
    let releasing = Task {
      while !Task.isCancelled {
        registry.releaseStalls()
        try? await Task.sleep(for: .milliseconds(2))
      }
    }
    defer { releasing.cancel() }
    return try await body()
  }

  /// Offsets that downloads of the blob asked for.
  func offsets(_ digest: Digest) -> [String] {
    registry.requests(at: digest.description).map { $0.range ?? "" }
  }
}

final class Counter: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  func increment() { count.withLock { $0 += 1 } }
}

/// The library error that `body` throws.
func libraryError(_ body: () async throws -> some Any) async -> LibraryError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? LibraryError
  }
}
