// SPDX-License-Identifier: Apache-2.0

import GRDB
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How the daemon opens its SQLite databases, and what it does with damaged ones.
package enum DatabaseFile {
  /// Opens a database over one connection; makes it when it is not there.
  ///
  /// - Parameters:
  ///   - path: its folder must exist. Nil for a database in memory.
  ///   - version: of the tables; a file with another one is not read.
  ///   - tables: the SQL that makes them.
  ///   - checkpointPages: pages that the write-ahead log may have before they go into the file.
  /// - Throws: what SQLite says, or ``UnknownLayout``.
  package static func open(
    _ path: FilePath?, label: String, version: Int, tables: String, checkpointPages: Int = 1000
  ) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = label
    // Somebody may look into the file with other tools.
    configuration.busyMode = .timeout(2)
    configuration.foreignKeysEnabled = false
    configuration.prepareDatabase { database in
      // Works only before the first table is there.
      try database.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
      try database.execute(sql: "PRAGMA journal_mode = WAL")
      // A commit survives the end of this process, but not always that of the machine; nothing breaks either way.
      try database.execute(sql: "PRAGMA synchronous = NORMAL")
      try database.execute(sql: "PRAGMA journal_size_limit = 1048576")
      try database.execute(sql: "PRAGMA wal_autocheckpoint = \(checkpointPages)")
      // KiB.
      try database.execute(sql: "PRAGMA cache_size = -512")
    }
    let queue = try connect(path, configuration)
    try queue.write { database in
      switch try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0 {
      case version: return
      case 0: try database.execute(sql: "\(tables)\nPRAGMA user_version = \(version);")
      case let other: throw UnknownLayout(version: other)
      }
    }
    return queue
  }

  private static func connect(_ path: FilePath?, _ configuration: Configuration) throws -> DatabaseQueue {
    guard let path else { return try DatabaseQueue(configuration: configuration) }
    // SQLite would let others read what it creates.
    try FileDescriptor.open(path, .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite]).close()
    return try DatabaseQueue(path: path.string, configuration: configuration)
  }

  /// Whether an error means that the file is of no use, and not that it can't be used just now.
  package static func isDamage(_ error: any Error) -> Bool {
    if error is UnknownLayout { return true }
    guard let error = error as? DatabaseError else { return false }
    // The last is what a table of another shape gives.
    return [.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_ERROR].contains(error.resultCode)
  }

  /// Moves a closed database out of the way, to `<path>.damaged`, in the place of an earlier one.
  package static func setAside(_ path: FilePath) {
    let aside = path.string + ".damaged"
    for suffix in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: aside + suffix)
      do {
        try FileManager.default.moveItem(atPath: path.string + suffix, toPath: aside + suffix)
      } catch {
        // What can't be moved must not stay either.
        try? FileManager.default.removeItem(atPath: path.string + suffix)
      }
    }
  }
}

/// A database that another version of Petrel has written.
package struct UnknownLayout: Error, CustomStringConvertible {
  package let version: Int
  package var description: String { "its layout is version \(version), which this Petrel does not know" }
}
