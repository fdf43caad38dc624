// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelDatabase
import PetrelOCI
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Requests that have been recorded, in a SQLite database that outlives the daemon.
///
/// The database is opened when it is first needed. Whatever happens to it, callers go on: a damaged file is set aside,
/// one that can't be opened is replaced by memory, a full disk loses records.
package actor RecordStore {
  /// Records of at most so many models are given.
  private static let maximumModels = 64
  /// Where there is no file, records take no more than this.
  private static let maximumMemory: Int64 = 8 * 1_048_576

  private let path: FilePath?
  private let limits: RecordLimits
  private let logger: Logger
  private let now: @Sendable () -> Int64
  private var database: RecordDatabase?
  private var isInMemory = false
  /// Told once, until something works again.
  private var hasWarned = false

  /// - Parameters:
  ///   - path: of the database; its folder must exist. Nil for memory.
  ///   - now: nanoseconds since 1970.
  package init(
    path: FilePath?, limits: RecordLimits = RecordLimits(), logger: Logger,
    now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1_000_000_000) }
  ) {
    self.path = path
    self.limits = limits
    self.logger = logger
    self.now = now
  }

  /// Adds records, in the order given.
  package func append(_ records: [StoredRecord]) async {
    guard !records.isEmpty else { return }
    let expired = expired
    _ = await perform { database, maximumBytes in
      try await database.append(records, expired: expired, maximumBytes: maximumBytes)
    }
  }

  /// The models with records, the one that was asked last at the end.
  package func models() async -> [Digest] {
    guard hasDatabase else { return [] }
    let expired = expired
    return await perform { database, _ in
      try await database.removeExpired(before: expired)
      return try await database.models(limit: Self.maximumModels)
    } ?? []
  }

  /// The latest records of a model, the last one at the end.
  package func latest(_ count: Int, of model: Digest) async -> [StoredRecord] {
    guard hasDatabase else { return [] }
    return await perform { database, _ in try await database.latest(count, of: model) } ?? []
  }

  /// Removes what is too old. A database that nobody else needs now is closed again.
  package func removeExpired() async {
    guard hasDatabase else { return }
    let wasOpen = database != nil
    let expired = expired
    _ = await perform { database, _ in try await database.removeExpired(before: expired) }
    if !wasOpen { close() }
  }

  /// Writes everything to the file. The store can be used again.
  package func close() {
    guard !isInMemory else { return }
    try? database?.close()
    database = nil
  }

  // MARK: The database

  private var expired: Int64 { now() - limits.age.components.seconds * 1_000_000_000 }

  /// Whether there is one without making it.
  private var hasDatabase: Bool {
    database != nil || path.map { FileManager.default.fileExists(atPath: $0.string) } ?? false
  }

  /// Nil when it did not work, which has been logged.
  private func perform<Result: Sendable>(
    _ operation: @Sendable (RecordDatabase, _ maximumBytes: Int64) async throws -> Result
  ) async -> Result? {
    // A second time with a new database, if the first was damaged.
    for _ in 0..<2 {
      guard let database = open() else { return nil }
      do {
        let result = try await operation(database, isInMemory ? min(limits.bytes, Self.maximumMemory) : limits.bytes)
        hasWarned = false
        return result
      } catch {
        guard DatabaseFile.isDamage(error), let path, !isInMemory else {
          warn("requests can't be recorded", error)
          return nil
        }
        // Another caller may have done it meanwhile.
        if database === self.database {
          try? database.close()
          self.database = nil
          setAside(path, error)
        }
      }
    }
    return nil
  }

  private func open() -> RecordDatabase? {
    if let database { return database }
    if let path {
      for _ in 0..<2 where database == nil {
        do {
          database = try RecordDatabase(path: path)
        } catch  where DatabaseFile.isDamage(error) {
          setAside(path, error)
        } catch {
          warn("\(path) can't be opened; requests are recorded in memory only", error)
          break
        }
      }
    }
    if database == nil {
      do {
        database = try RecordDatabase(path: nil)
        isInMemory = true
      } catch {
        warn("requests can't be recorded", error)
      }
    }
    return database
  }

  private func setAside(_ path: FilePath, _ error: any Error) {
    let aside = path.string + ".damaged"
    logger.warning(
      "the record of requests is damaged; it was set aside, and a new one begins",
      metadata: ["file": "\(aside)", "error": "\(error)"])
    DatabaseFile.setAside(path)
  }

  private func warn(_ message: String, _ error: any Error) {
    if !hasWarned { logger.warning("\(message)", metadata: ["error": "\(error)"]) }
    hasWarned = true
  }
}
