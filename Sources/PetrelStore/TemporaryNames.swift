// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization
import SystemPackage

/// Names in the store's folder that writes in progress use. The file's own time does not tell that somebody works on it:
/// a hard link to a file of last year is as old as that.
final class TemporaryNames: Sendable {
  private let names = Mutex<Set<String>>([])

  func contains(_ name: String) -> Bool { names.withLock { $0.contains(name) } }

  /// A name beside `path` that nothing else uses, and that no clean-up touches while the result lives.
  func reserve(beside path: FilePath) -> TemporaryName { TemporaryName(beside: path, in: self) }

  fileprivate func insert(_ name: String) { names.withLock { _ = $0.insert(name) } }
  fileprivate func remove(_ name: String) { names.withLock { _ = $0.remove(name) } }
}

/// See ``TemporaryNames``.
final class TemporaryName: Sendable {
  let path: FilePath
  private let name: String
  private let names: TemporaryNames

  fileprivate init(beside path: FilePath, in names: TemporaryNames) {
    self.path = StoreLayout.temporary(beside: path)
    name = self.path.lastComponent?.string ?? ""
    self.names = names
    names.insert(name)
  }

  deinit { names.remove(name) }
}
