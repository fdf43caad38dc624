// SPDX-License-Identifier: Apache-2.0

import GRDB
import PetrelDatabase
import PetrelWire
import SystemPackage

/// The tables of responses in one SQLite database, over one connection.
///
/// A response goes on from an earlier one; all that hang together are a conversation, named after its first response.
/// Conversations are kept or removed as a whole, so that no turn of one gets lost.
final class ResponseDatabase: Sendable {
  /// Of the tables; a file with another one is not read.
  private static let version = 1
  private static let tables = """
    CREATE TABLE conversation (id TEXT PRIMARY KEY, used INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX conversation_used ON conversation (used);
    CREATE TABLE response (
      number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, conversation TEXT NOT NULL, previous TEXT,
      input TEXT NOT NULL, body TEXT NOT NULL, owner TEXT
    );
    CREATE INDEX response_conversation ON response (conversation);
    """

  private let queue: DatabaseQueue

  init(path: FilePath) throws {
    queue = try DatabaseFile.open(path, label: "petrel.responses", version: Self.version, tables: Self.tables)
    try queue.write { database in
      // Files of earlier versions know no owners.
      guard try !database.columns(in: "response").contains(where: { $0.name == "owner" }) else { return }
      try database.execute(sql: "ALTER TABLE response ADD COLUMN owner TEXT")
    }
  }

  func close() throws { try queue.close() }

  // MARK: Writing

  /// Adds a response and removes what is beyond the limits, in one transaction.
  ///
  /// - Throws: ``ResponseStoreError`` with code `tooLarge` when removing all others would not be enough.
  /// - Parameter now: seconds since 1970.
  func save(_ response: StoredResponse, limits: ResponseLimits, now: Int64) async throws {
    let input = JSONNode.array(response.input).bytes
    let body = response.body.bytes
    try await queue.write { database in
      let conversation = try Self.conversation(of: response.previousID, database) ?? response.id
      try database.execute(
        sql: """
          INSERT OR REPLACE INTO response (id, conversation, previous, input, body, owner) VALUES (?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          response.id, conversation, response.previousID, String(decoding: input, as: UTF8.self),
          String(decoding: body, as: UTF8.self), response.owner,
        ])
      try Self.touch(conversation, now, database)
      try Self.checkSize(of: conversation, limits, database)
      try Self.shrink(to: limits, keeping: conversation, now: now, database)
    }
  }

  /// - Returns: whether it was there.
  func delete(_ id: String, for reader: String?) async throws -> Bool {
    try await queue.write { database in
      let owner = try Row.fetchOne(database, sql: "SELECT owner FROM response WHERE id = ?", arguments: [id])
      guard let owner, StoredResponse.isOpen(owner["owner"], to: reader) else { return false }
      try database.execute(sql: "DELETE FROM response WHERE id = ?", arguments: [id])
      let wasThere = database.changesCount > 0
      if wasThere {
        try database.execute(
          sql: "DELETE FROM conversation WHERE id NOT IN (SELECT conversation FROM response)")
        try database.execute(sql: "PRAGMA incremental_vacuum")
      }
      return wasThere
    }
  }

  private static func conversation(of id: String?, _ database: Database) throws -> String? {
    guard let id else { return nil }
    return try String.fetchOne(database, sql: "SELECT conversation FROM response WHERE id = ?", arguments: [id])
  }

  private static func touch(_ conversation: String, _ now: Int64, _ database: Database) throws {
    try database.execute(
      sql: "INSERT INTO conversation (id, used) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET used = excluded.used",
      arguments: [conversation, now])
  }

  /// The transaction is rolled back by what this throws: no other conversation goes for one that can't be kept.
  private static func checkSize(of conversation: String, _ limits: ResponseLimits, _ database: Database) throws {
    let bytes = try Int64.fetchOne(
      database,
      sql: """
        SELECT SUM(LENGTH(CAST(input AS BLOB)) + LENGTH(CAST(body AS BLOB))) FROM response WHERE conversation = ?
        """, arguments: [conversation])
    guard let bytes, bytes > limits.bytes else { return }
    throw ResponseStoreError(
      code: .tooLarge,
      message: "the conversation has \(bytes) bytes, more than the \(limits.bytes) that are kept; begin another one")
  }

  private static func shrink(
    to limits: ResponseLimits, keeping current: String, now: Int64, _ database: Database
  ) throws {
    var unused = try String.fetchAll(
      database, sql: "SELECT id FROM conversation WHERE used < ? AND id <> ?",
      arguments: [now - limits.age.components.seconds, current])
    var hasRemoved = false
    while true {
      for id in unused {
        try database.execute(sql: "DELETE FROM response WHERE conversation = ?", arguments: [id])
        try database.execute(sql: "DELETE FROM conversation WHERE id = ?", arguments: [id])
        hasRemoved = true
      }
      let count = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM response") ?? 0
      guard try count > limits.count || size(database) > limits.bytes else { break }
      unused = try String.fetchAll(
        database, sql: "SELECT id FROM conversation WHERE id <> ? ORDER BY used LIMIT 1", arguments: [current])
      if unused.isEmpty { break }
    }
    if hasRemoved { try database.execute(sql: "PRAGMA incremental_vacuum") }
  }

  /// Bytes that are in use.
  private static func size(_ database: Database) throws -> Int64 {
    try Int64.fetchOne(
      database,
      sql: """
        SELECT (page_count - freelist_count) * page_size
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size
        """) ?? 0
  }

  // MARK: Reading

  func response(_ id: String, oldest: Int64) async throws -> StoredResponse? {
    try await queue.read { database in
      let row = try Row.fetchOne(
        database,
        sql: """
          SELECT response.id, previous, input, body, owner
          FROM response JOIN conversation ON conversation.id = conversation
          WHERE response.id = ? AND used >= ?
          """, arguments: [id, oldest])
      return try row.map(Self.response)
    }
  }

  /// A response and all that it goes on from, the first one at the beginning. Empty when it is not there.
  func chain(upTo id: String, now: Int64, oldest: Int64) async throws -> [StoredResponse] {
    try await queue.write { database in
      let rows = try Row.fetchAll(
        database,
        sql: """
          WITH RECURSIVE chain (number, previous) AS (
            SELECT number, previous FROM response JOIN conversation ON conversation.id = conversation
              WHERE response.id = ? AND used >= ?
            UNION ALL
            SELECT response.number, response.previous FROM response JOIN chain ON response.id = chain.previous
          )
          SELECT id, response.previous, input, body, owner FROM response JOIN chain USING (number) ORDER BY response.number
          """, arguments: [id, oldest])
      if let conversation = try Self.conversation(of: id, database), !rows.isEmpty {
        try Self.touch(conversation, now, database)
      }
      return try rows.map(Self.response)
    }
  }

  private static func response(_ row: Row) throws -> StoredResponse {
    StoredResponse(
      id: row["id"], previousID: row["previous"], owner: row["owner"],
      input: try JSONNode(parsing: row["input"] as String).elements ?? [],
      body: try JSONNode(parsing: row["body"] as String))
  }
}
