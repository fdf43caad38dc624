// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage

/// `models.json` on the disk. Other processes may change it too; reads notice that.
///
/// Blocks the thread: call it off the cooperative pool.
final class IndexFile: Sendable {
  /// More than any store needs: about 100,000 models.
  private static let maximumSize = 64 * 1024 * 1024

  private struct Cache {
    var stamp: PlatformFile.Stamp
    var index: ModelIndex
  }

  private let layout: StoreLayout
  private let cache = Mutex<Cache?>(nil)

  init(_ layout: StoreLayout) { self.layout = layout }

  /// The index as it is now. A missing file is an empty index; one that cannot be understood is an error, and stays.
  func read() throws -> ModelIndex {
    guard let stamp = try stamp() else { return ModelIndex() }
    if let cached = cache.withLock({ $0 }), cached.stamp == stamp { return cached.index }
    guard let bytes = try FileContents.readIfPresent(layout.indexFile, limit: Self.maximumSize) else {
      return ModelIndex()
    }
    do {
      let index = try ModelIndex(decoding: bytes)
      // Replaced between the two looks: the next read finds another stamp and reads again.
      cache.withLock { $0 = Cache(stamp: stamp, index: index) }
      return index
    } catch {
      throw StoreError(
        .corrupt,
        "the model index \(layout.indexFile) is not valid; `petrel fsck --repair` makes a new one of the models that "
          + "are there (model files are kept)")
    }
  }

  /// Runs `body` while nobody else, in this process or another, can change the index.
  func locked<R>(_ body: () throws -> R) throws -> R {
    // Each call opens the file anew, so the lock keeps this process's own threads apart too.
    try withExtendedLifetime(FileLock.acquire(layout.indexLock)) { try body() }
  }

  /// Changes the index while nobody else can: reads it, lets `body` work on it, replaces the file if it changed, then
  /// runs `afterwards` with what `body` returned, still undisturbed.
  @discardableResult
  func update<R>(_ body: (inout ModelIndex) throws -> R, afterwards: (R) throws -> Void = { _ in }) throws -> R {
    try locked {
      let before = try read()
      var index = before
      let result = try body(&index)
      if index != before { try replace(with: index, isSmaller: index.isPart(of: before)) }
      try afterwards(result)
      return result
    }
  }

  /// Puts `index` in the file's place. To be called under the lock.
  ///
  /// - Parameter isSmaller: than what is there: then it is written on a full disk too, in the copy's room. Who removes
  ///   models to make space must be able to.
  func replace(with index: ModelIndex, isSmaller: @autoclosure () -> Bool = false) throws {
    let bytes = index.serialized()
    do {
      try FileContents.replace(layout.indexFile, with: bytes)
    } catch let error as StoreError where error.code == .noSpace && isSmaller() {
      do {
        try PlatformFile.unlink(layout.indexCopy)
      } catch {
        throw StoreError(errno: error, "remove \(layout.indexCopy)")
      }
      try FileContents.replace(layout.indexFile, with: bytes)
    }
    // Only tags can't be had back from elsewhere. A copy that can't be written is no reason to fail.
    try? FileContents.replace(layout.indexCopy, with: bytes)
  }

  /// Writes the copy anew if a full disk has cost it.
  func renewCopy() {
    guard (try? layout.indexCopy.stat()) == nil else { return }
    try? locked { try FileContents.replace(layout.indexCopy, with: read().serialized()) }
  }

  /// The index as it was last written here, for when the file itself can't be understood any more.
  func lastKnown() -> ModelIndex {
    guard let bytes = try? FileContents.readIfPresent(layout.indexCopy, limit: Self.maximumSize) else {
      return ModelIndex()
    }
    return (try? ModelIndex(decoding: bytes)) ?? ModelIndex()
  }

  /// The file's bytes, whatever they are.
  func bytes() throws -> [UInt8]? { try FileContents.readIfPresent(layout.indexFile, limit: Self.maximumSize) }

  private func stamp() throws -> PlatformFile.Stamp? {
    do {
      return PlatformFile.Stamp(try layout.indexFile.stat())
    } catch .noSuchFileOrDirectory {
      return nil
    } catch {
      throw StoreError(errno: error, "read \(layout.indexFile)")
    }
  }
}
