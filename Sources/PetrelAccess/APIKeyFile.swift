// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The keys of one `PETREL_HOME`, in a file that only its owner may read. It is replaced in one step, and changed by
/// one process at a time.
package struct APIKeyFile: Sendable {
  private static let maximumSize = 16 * 1024 * 1024

  private struct Document: Codable {
    var version: Int
    var keys: [APIKey]
  }

  package let path: FilePath

  package init(home: FilePath) { path = home.appending("api-keys.json") }

  /// Empty when there is no file. Blocks the thread.
  package func read() throws(AccessError) -> [APIKey] {
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try KeyFileSystem.read(path, limit: Self.maximumSize)
    } catch .noSuchFileOrDirectory {
      return []
    } catch {
      throw AccessError(.fileSystem, "the keys in \(path) can't be read: \(error)")
    }
    guard let document = try? JSONDecoder().decode(Document.self, from: Data(bytes)), document.version == 1,
      document.keys.allSatisfy({ SecretDigest(hex: $0.digest) != nil })
    else {
      throw AccessError(
        .damaged, "\(path) holds no keys that this version can read; move it away and make new ones")
    }
    return document.keys
  }

  /// Adds a key. Blocks the thread.
  package func add(_ key: APIKey) throws(AccessError) {
    try change { (keys: inout [APIKey]) throws(AccessError) in
      guard !keys.contains(where: { $0.name == key.name }) else {
        throw AccessError(.nameTaken, "there is a key \"\(key.name)\" already; revoke it first, or choose another name")
      }
      keys.append(key)
    }
  }

  /// Removes the key with this name or ID, and returns it. Blocks the thread.
  package func remove(_ name: String) throws(AccessError) -> APIKey {
    var removed: APIKey?
    try change { (keys: inout [APIKey]) throws(AccessError) in
      guard let index = keys.firstIndex(where: { $0.name == name }) ?? keys.firstIndex(where: { $0.id == name }) else {
        throw AccessError(.notFound, "there is no key \"\(name)\"; `petrel keys list` shows those there are")
      }
      removed = keys.remove(at: index)
    }
    guard let removed else { throw AccessError(.notFound, "there is no key \"\(name)\"") }
    return removed
  }

  /// Tells one content of the file from the next; nil when there is none.
  func stamp() -> KeyFileSystem.Stamp? { KeyFileSystem.stamp(path) }

  private func change(_ body: (inout [APIKey]) throws(AccessError) -> Void) throws(AccessError) {
    let lock: KeyFileSystem.Lock
    do throws(Errno) {
      lock = try KeyFileSystem.Lock(FilePath(path.string + ".lock"))
    } catch {
      throw AccessError(.fileSystem, "\(path) can't be locked: \(error)")
    }
    defer { lock.release() }
    var keys = try read()
    try body(&keys)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    guard let bytes = try? encoder.encode(Document(version: 1, keys: keys)) else {
      throw AccessError(.fileSystem, "\(path) can't be written: the keys can't be put into JSON")
    }
    do throws(Errno) {
      try KeyFileSystem.replace(path, with: Array(bytes))
    } catch {
      throw AccessError(.fileSystem, "\(path) can't be written: \(error)")
    }
  }
}
