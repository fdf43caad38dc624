// SPDX-License-Identifier: Apache-2.0

import GRDB
import PetrelAPI
import PetrelDatabase
import PetrelOCI
import SystemPackage

/// The table of requests in one SQLite database, over one connection.
final class RecordDatabase: Sendable {
  /// Of the table; a file with another one is not read.
  private static let version = 1
  private static let columns =
    "model, mode, time, name, method, url, request, response, error, status, user_agent, origin"
  private static let tables = """
    CREATE TABLE request (
      id INTEGER PRIMARY KEY, model TEXT NOT NULL, mode TEXT NOT NULL, time INTEGER NOT NULL, name TEXT NOT NULL,
      method TEXT NOT NULL, url TEXT NOT NULL, request TEXT NOT NULL, response TEXT, error TEXT,
      status INTEGER NOT NULL, user_agent TEXT, origin TEXT
    );
    CREATE INDEX request_model ON request (model);
    CREATE INDEX request_time ON request (time);
    """

  private let queue: DatabaseQueue

  /// - Parameter path: nil for a database in memory.
  /// - Throws: what SQLite says, or ``UnknownLayout``.
  init(path: FilePath?) throws {
    queue = try DatabaseFile.open(
      path, label: "petrel.records", version: Self.version, tables: Self.tables, checkpointPages: 256)
  }

  func close() throws { try queue.close() }

  // MARK: Writing

  /// Adds records and removes what is beyond the limits, in one transaction.
  ///
  /// - Parameter expired: records before this time go; nanoseconds since 1970.
  func append(_ records: [StoredRecord], expired: Int64, maximumBytes: Int64) async throws {
    try await queue.write { database in
      let statement = try database.cachedStatement(
        sql: "INSERT INTO request (\(Self.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      for record in records { try statement.execute(arguments: Self.arguments(record)) }
      try Self.removeExpired(before: expired, in: database)
      try Self.shrink(to: maximumBytes, database)
    }
  }

  func removeExpired(before time: Int64) async throws {
    try await queue.write { database in try Self.removeExpired(before: time, in: database) }
  }

  private static func removeExpired(before time: Int64, in database: Database) throws {
    try database.execute(sql: "DELETE FROM request WHERE time < ?", arguments: [time])
    if database.changesCount > 0 { try database.execute(sql: "PRAGMA incremental_vacuum") }
  }

  /// Removes the oldest eighth, and again, until the rest fits.
  private static func shrink(to maximum: Int64, _ database: Database) throws {
    let pageSize = try Int64.fetchOne(database, sql: "PRAGMA page_size") ?? 4096
    var hasRemoved = false
    while try usedPages(database) * pageSize > maximum,
      let row = try Row.fetchOne(database, sql: "SELECT MIN(id) AS low, MAX(id) AS high FROM request"),
      let low = row["low"] as Int64?, let high = row["high"] as Int64?
    {
      try database.execute(sql: "DELETE FROM request WHERE id <= ?", arguments: [low + (high - low) / 8])
      hasRemoved = true
    }
    if hasRemoved { try database.execute(sql: "PRAGMA incremental_vacuum") }
  }

  private static func usedPages(_ database: Database) throws -> Int64 {
    let all = try Int64.fetchOne(database, sql: "PRAGMA page_count") ?? 0
    return all - (try Int64.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0)
  }

  // MARK: Reading

  /// The models with records, the one that was asked last at the end; no more than `limit`.
  func models(limit: Int) async throws -> [Digest] {
    try await queue.read { database in
      let names = try String.fetchAll(
        database, sql: "SELECT model FROM request GROUP BY model ORDER BY MAX(id) DESC LIMIT ?", arguments: [limit])
      return names.reversed().compactMap { Digest($0) }
    }
  }

  /// The latest records of a model, the last one at the end.
  func latest(_ count: Int, of model: Digest) async throws -> [StoredRecord] {
    try await queue.read { database in
      let rows = try Row.fetchAll(
        database, sql: "SELECT \(Self.columns) FROM request WHERE model = ? ORDER BY id DESC LIMIT ?",
        arguments: [model.description, count])
      return rows.reversed().map { Self.record($0, model) }
    }
  }

  private static func arguments(_ stored: StoredRecord) -> StatementArguments {
    let record = stored.record
    return [
      stored.model.description, stored.mode, stored.time, record.model, record.method, record.url, record.request,
      record.response, record.error, record.statusCode, record.userAgent, record.origin,
    ]
  }

  private static func record(_ row: Row, _ model: Digest) -> StoredRecord {
    let time: Int64 = row["time"]
    return StoredRecord(
      model: model, mode: row["mode"], time: time,
      record: RequestRecord(
        id: RequestRecord.id(model: model, time: time), model: row["name"], method: row["method"], url: row["url"],
        request: row["request"], response: row["response"], error: row["error"], timestamp: time / 1_000_000_000,
        statusCode: row["status"], userAgent: row["user_agent"], origin: row["origin"]))
  }
}
