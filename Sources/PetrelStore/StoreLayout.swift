// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// Where things are in a store's folder. The layout is shared with Docker Model Runner.
package struct StoreLayout: Hashable, Sendable {
  package let root: FilePath

  package init(root: FilePath) { self.root = root }

  /// Contents of `layout.json`.
  static let version = "{\n  \"version\": \"1.0.0\"\n}"

  var layoutFile: FilePath { root.appending("layout.json") }
  package var indexFile: FilePath { root.appending("models.json") }
  /// What Petrel last wrote into the index, to make a new one of when that is damaged.
  var indexCopy: FilePath { root.appending(".petrel-index.json") }
  /// A damaged index, kept when a new one is made.
  var damagedIndex: FilePath { root.appending("models.json.damaged") }

  /// Held by a daemon for as long as it runs.
  var daemonLock: FilePath { root.appending(".petrel.lock") }
  /// Held while the index is read, changed and replaced.
  var indexLock: FilePath { root.appending(".petrel-index.lock") }

  var blobs: FilePath { root.appending("blobs").appending("sha256") }
  var manifests: FilePath { root.appending("manifests").appending("sha256") }
  var bundles: FilePath { root.appending("bundles").appending("sha256") }

  package func blob(_ digest: Digest) -> FilePath { blobs.appending(digest.hex) }
  package func partial(_ digest: Digest) -> FilePath { blobs.appending(digest.hex + Self.partialSuffix) }
  /// A large blob that comes in chunks, with holes; see ``ChunkedBlob``.
  package func chunks(_ digest: Digest) -> FilePath { blobs.appending(digest.hex + Self.chunksSuffix) }
  /// Which chunks are there.
  package func chunkRecords(_ digest: Digest) -> FilePath { blobs.appending(digest.hex + Self.chunkRecordsSuffix) }
  package func manifest(_ id: Digest) -> FilePath { manifests.appending(id.hex) }
  package func bundle(_ id: Digest) -> FilePath { bundles.appending(id.hex) }

  static let partialSuffix = ".incomplete"
  /// Not `.incomplete`: to Docker Model Runner that is a prefix of the blob, without holes.
  static let chunksSuffix = ".petrel-chunks"
  static let chunkRecordsSuffix = ".petrel-records"
  /// In the names of files and folders that are being made, and of folders that are being removed.
  static let temporaryInfix = ".tmp-"

  static func isTemporary(_ name: String) -> Bool { name.contains(temporaryInfix) }

  /// The blob that a file of this name is a part of. Such names begin with the digest's digits.
  static func partialDigest(_ name: String) -> Digest? {
    let parts = name.split(separator: ".", maxSplits: 1)
    return parts.count == 2 && !isTemporary(name) ? Digest(hex: String(parts[0])) : nil
  }

  /// A name beside `path` that nothing else uses.
  static func temporary(beside path: FilePath) -> FilePath {
    let name = path.lastComponent?.string ?? ""
    let random = String(UInt64.random(in: .min ... .max), radix: 36)
    return path.removingLastComponent().appending(name + temporaryInfix + random)
  }
}
