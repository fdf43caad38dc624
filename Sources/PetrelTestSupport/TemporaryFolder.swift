// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Runs `body` with a new folder that is removed afterwards. Its path is short enough for sockets.
package func withTemporaryFolder<Result>(_ body: (FilePath) async throws -> Result) async throws -> Result {
  let path = FilePath("/tmp/petrel-\(String(UInt64.random(in: .min ... .max), radix: 36))")
  try FileManager.default.createDirectory(
    atPath: path.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  defer { try? FileManager.default.removeItem(atPath: path.string) }
  return try await body(path)
}

extension FilePath {
  /// Writes a file here, with its folders.
  package func write(_ text: String, mode: Int = 0o600) throws {
    try FileManager.default.createDirectory(
      atPath: removingLastComponent().string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: string))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: string)
  }

  /// The file's text; empty when there is none.
  package var text: String {
    String(decoding: FileManager.default.contents(atPath: string) ?? Data(), as: UTF8.self)
  }

  /// The names in this folder, sorted; none when there is no such folder.
  package var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: string)) ?? []).sorted() }

  package var exists: Bool { FileManager.default.fileExists(atPath: string) }
}
