// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// Files and folders that have been moved out of the way and are to be removed. Moving is quick and is done under a lock;
/// removing what is large is not, and is done after it.
struct Trash {
  fileprivate(set) var paths: [FilePath] = []
}

extension ModelStore {
  /// Takes what is at `path` away from its name. What is not there is no error. After a crash it is swept as a leftover.
  func discard(_ path: FilePath, to trash: inout Trash) throws {
    let temporary = StoreLayout.temporary(beside: path)
    do {
      try PlatformFile.rename(path, to: temporary)
      trash.paths.append(temporary)
    } catch .noSuchFileOrDirectory {
    } catch {
      throw StoreError(errno: error, "remove \(path)")
    }
  }

  func empty(_ trash: Trash) {
    for path in trash.paths { attempt("remove what no model uses") { try Folder.remove(path) } }
  }

  /// Removes the blob unless somebody holds it. Returns whether it is gone.
  @discardableResult
  func removeBlob(_ digest: Digest, to trash: inout Trash) -> Bool {
    var isGone = false
    attempt("remove a blob") {
      try held.unlessHeld(digest) {
        try discard(layout.blob(digest), to: &trash)
        isGone = true
      }
    }
    return isGone
  }

  /// Removes a model's bundle; one that an engine is about to open goes when that has been done. Returns whether it is
  /// gone.
  @discardableResult
  func removeBundle(_ id: Digest, to trash: inout Trash) -> Bool {
    var isGone = false
    attempt("remove a bundle") {
      try heldBundles.unlessHeld(id) {
        try discard(layout.bundle(id), to: &trash)
        isGone = true
      }
    }
    return isGone
  }

  func removeBundle(_ id: Digest) {
    var trash = Trash()
    removeBundle(id, to: &trash)
    empty(trash)
  }
}
