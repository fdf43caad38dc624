// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelEngines
import PetrelOCI
import PetrelStore
import PetrelWire
import Synchronization
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What users have set for models, by the model's digest and the mode. A change counts when it is on the disk.
package actor SettingsStore {
  /// One model's settings in one mode.
  package struct Entry: Sendable {
    package let key: RunnerKey
    package let settings: ModelSettings
  }

  private let file: ReplaceableFile?
  private nonisolated let table: Mutex<[RunnerKey: ModelSettings]>
  /// The change before the next one: each begins when the one before it is on the disk, or has failed.
  private var latest: Task<Void, Never>?

  /// - Parameter file: nil keeps the settings in memory.
  /// - Throws: ``SettingsError`` when the file is of a newer Petrel or can't be read. A damaged file is moved aside.
  package init(_ file: FilePath?, logger: Logger) throws {
    self.file = file.map(ReplaceableFile.init)
    var entries: [RunnerKey: ModelSettings] = [:]
    if let file = self.file {
      do {
        entries = try SettingsDocument.read(file)
      } catch let error as SettingsError where error.code == .damaged {
        try file.setAside(suffix: ".damaged")
        logger.error("\(error.message)")
      }
    }
    table = Mutex(entries)
  }

  /// Sorted by model and mode.
  package nonisolated var all: [Entry] {
    table.withLock { $0 }.map { Entry(key: $0.key, settings: $0.value) }.sorted {
      ($0.key.model.hex, $0.key.mode.rawValue) < ($1.key.model.hex, $1.key.mode.rawValue)
    }
  }

  /// What holds for a runner. The settings of completion hold for the other modes too, where those say nothing.
  package nonisolated func effective(_ key: RunnerKey) -> ModelSettings {
    table.withLock { table in
      let own = table[key] ?? ModelSettings()
      guard key.mode != .completion else { return own }
      var general = table[RunnerKey(model: key.model, mode: .completion)] ?? ModelSettings()
      general.speculative = nil
      general.reasoningBudget = nil
      return own.filled(from: general)
    }
  }

  /// What was set for exactly this model and mode.
  nonisolated func own(_ key: RunnerKey) -> ModelSettings { table.withLock { $0[key] ?? ModelSettings() } }

  /// Changes the settings of one model in one mode.
  ///
  /// - Parameter check: throws when the new settings can't be used; then nothing changes.
  package func change(
    _ key: RunnerKey, _ change: SettingsChange, check: @escaping @Sendable (ModelSettings) async throws -> Void
  ) async throws {
    try await inTurn {
      let settings = change.applied(to: self.own(key))
      try await check(settings)
      try await self.replace { $0[key] = settings.isEmpty ? nil : settings }
    }
  }

  /// Forgets what was set for models that have been removed.
  package func forget(where isGone: @escaping @Sendable (Digest) -> Bool) async throws {
    try await inTurn {
      try await self.replace { $0 = $0.filter { !isGone($0.key.model) } }
    }
  }

  private func inTurn(_ work: @escaping @Sendable () async throws -> Void) async throws {
    let before = latest
    let task = Task {
      await before?.value
      try await work()
    }
    latest = Task { _ = await task.result }
    try await task.value
  }

  private func replace(_ body: (inout [RunnerKey: ModelSettings]) -> Void) async throws {
    let old = table.withLock { $0 }
    var new = old
    body(&new)
    guard new != old else { return }
    if let file { try await SettingsDocument.write(new, to: file) }
    table.withLock { $0 = new }
  }
}

/// Why settings can't be read.
package struct SettingsError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    case damaged
    case newer
  }

  package let code: Code
  package let message: String
  package var description: String { message }
}

/// The settings' form on the disk.
private struct SettingsDocument: Codable {
  private static let currentVersion = 1

  struct Row: Codable {
    var model: Digest
    var mode: String
    var settings: ModelSettings
  }

  var version: Int
  var models: [Row]

  static func read(_ file: ReplaceableFile) throws -> [RunnerKey: ModelSettings] {
    guard let bytes = try file.read() else { return [:] }
    struct Version: Decodable { var version: Int }
    guard let version = try? JSONDecoder().decode(Version.self, from: Data(bytes)).version else { throw damaged(file) }
    guard version <= currentVersion else {
      throw SettingsError(
        code: .newer, message: "\(file.path) was written by a newer petrel; update this one, or move the file away")
    }
    guard let document = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else { throw damaged(file) }
    var table: [RunnerKey: ModelSettings] = [:]
    for row in document.models {
      guard let mode = EngineMode(rawValue: row.mode) else { continue }
      table[RunnerKey(model: row.model, mode: mode)] = row.settings
    }
    return table
  }

  private static func damaged(_ file: ReplaceableFile) -> SettingsError {
    SettingsError(
      code: .damaged,
      message:
        "the settings of models in \(file.path) can't be read; the file is kept as \(file.path).damaged, and all "
        + "models have their defaults")
  }

  static func write(_ table: [RunnerKey: ModelSettings], to file: ReplaceableFile) async throws {
    let rows = table.sorted { ($0.key.model.hex, $0.key.mode.rawValue) < ($1.key.model.hex, $1.key.mode.rawValue) }
    let document = SettingsDocument(
      version: currentVersion,
      models: rows.map { Row(model: $0.key.model, mode: $0.key.mode.rawValue, settings: $0.value) })
    let text = try CanonicalJSONEncoder().node(for: document).pretty(indent: "  ") + "\n"
    try await file.replace(with: Array(text.utf8))
  }
}
