// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelDatabase
import PetrelWire
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Responses that clients can come back to, in a SQLite database that outlives the daemon.
///
/// The database is opened when it is first needed. A damaged file is set aside, and a new one begins.
package actor ResponseStore {
  private let path: FilePath
  private let limits: ResponseLimits
  private let logger: Logger
  private let now: @Sendable () -> Int64
  private var database: ResponseDatabase?

  /// - Parameters:
  ///   - path: of the database; its folder must exist.
  ///   - now: seconds since 1970.
  package init(
    path: FilePath, limits: ResponseLimits = ResponseLimits(), logger: Logger,
    now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }
  ) {
    self.path = path
    self.limits = limits
    self.logger = logger
    self.now = now
  }

  /// Keeps a response. When this returns, it survives the end of the process.
  ///
  /// - Throws: ``ResponseStoreError``, with code `tooLarge` when its conversation alone is beyond the limits: then the
  ///   response is not kept, and everything else stays.
  package func save(_ response: StoredResponse) async throws {
    let (limits, now) = (limits, now())
    try await perform { try await $0.save(response, limits: limits, now: now) }
  }

  /// - Parameter reader: whose request it is; nil for one that needs no key. What belongs to others is not there.
  /// - Throws: ``ResponseStoreError``.
  package func response(_ id: String, for reader: String? = nil) async throws -> StoredResponse {
    let oldest = oldest
    guard let response = try await perform({ try await $0.response(id, oldest: oldest) }),
      StoredResponse.isOpen(response.owner, to: reader)
    else {
      throw ResponseStoreError(code: .notFound, message: "response \"\(id)\" was not found")
    }
    return response
  }

  /// The items of all turns up to a response, inputs and outputs, in their order.
  ///
  /// - Throws: ``ResponseStoreError``; also when one of the earlier responses has been deleted, as the model would not
  ///   know what it was about.
  package func history(upTo id: String, for reader: String? = nil) async throws -> [JSONNode] {
    let (now, oldest) = (now(), oldest)
    let chain = try await perform { try await $0.chain(upTo: id, now: now, oldest: oldest) }
    guard let first = chain.first, chain.allSatisfy({ StoredResponse.isOpen($0.owner, to: reader) }) else {
      throw ResponseStoreError(
        code: .notFound, message: "response \"\(id)\" was not found; it was not stored, or has been removed since")
    }
    if let missing = first.previousID {
      throw ResponseStoreError(
        code: .notFound,
        message:
          "response \"\(id)\" goes on from \"\(missing)\", which has been deleted; send the conversation as input")
    }
    return chain.flatMap { $0.input + ($0.body["output"]?.elements ?? []) }
  }

  /// - Throws: ``ResponseStoreError``.
  package func delete(_ id: String, for reader: String? = nil) async throws {
    guard try await perform({ try await $0.delete(id, for: reader) }) else {
      throw ResponseStoreError(code: .notFound, message: "response \"\(id)\" was not found")
    }
  }

  /// Writes everything to the file. The store can be used again.
  package func close() {
    try? database?.close()
    database = nil
  }

  // MARK: The database

  private var oldest: Int64 { now() - limits.age.components.seconds }

  private func perform<Result: Sendable>(
    _ operation: @Sendable (ResponseDatabase) async throws -> Result
  ) async throws -> Result {
    var used: ResponseDatabase?
    do {
      let database = try open()
      used = database
      return try await operation(database)
    } catch  where DatabaseFile.isDamage(error) {
      // Another operation may have set it aside meanwhile, and opened a new one.
      if used === database {
        logger.warning(
          "the stored responses are damaged; they were set aside", metadata: ["file": "\(path)", "error": "\(error)"])
        close()
        DatabaseFile.setAside(path)
      }
    } catch let error as ResponseStoreError {
      throw error
    } catch {
      throw Self.unusable(path, error)
    }
    do {
      return try await operation(try open())
    } catch {
      throw Self.unusable(path, error)
    }
  }

  private func open() throws -> ResponseDatabase {
    if let database { return database }
    let opened = try ResponseDatabase(path: path)
    database = opened
    return opened
  }

  private static func unusable(_ path: FilePath, _ error: any Error) -> ResponseStoreError {
    ResponseStoreError(
      code: .unusable, message: "stored responses can't be used (\(path)): \(error); see whether the disk is full")
  }
}
