// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// Body of `POST /models/adopt`: a model whose layers are files of this machine.
package struct AdoptRequest: Codable, Sendable {
  /// A file that was hashed, and the state in which it was.
  package struct File: Codable, Sendable {
    package var digest: Digest
    /// Absolute.
    package var path: String
    /// Bytes.
    package var size: Int64
    package var device: UInt64
    package var inode: UInt64
    /// Nanoseconds since 1970 of the last change of the contents.
    package var modified: Int64

    package init(digest: Digest, path: String, size: Int64, device: UInt64, inode: UInt64, modified: Int64) {
      self.digest = digest
      self.path = path
      self.size = size
      self.device = device
      self.inode = inode
      self.modified = modified
    }
  }

  /// Byte for byte.
  package var manifest: String
  /// Byte for byte.
  package var config: String
  /// Layers that are here are those of the store; the others must be in it already.
  package var files: [File]
  /// Absent leaves the model without a tag.
  package var tag: String?
  /// Gives files a second name where the file system cannot clone them, and makes them read-only.
  package var link: Bool?

  package init(manifest: String, config: String, files: [File], tag: String?, link: Bool) {
    self.manifest = manifest
    self.config = config
    self.files = files
    self.tag = tag
    self.link = link ? true : nil
  }
}

/// Answer of `POST /models/adopt`: how many files came into the store in which way.
package struct AdoptResponse: Codable, Sendable {
  package var id: Digest
  package var present = 0
  package var cloned = 0
  package var linked = 0
  package var copied = 0

  package init(id: Digest) { self.id = id }
}

/// Answer of `GET /models/{name}?artifact=true`: the documents that a variant of the model begins with.
package struct ArtifactDocuments: Codable, Sendable {
  package var id: Digest
  /// Byte for byte.
  package var manifest: String
  /// Byte for byte.
  package var config: String

  package init(id: Digest, manifest: String, config: String) {
    self.id = id
    self.manifest = manifest
    self.config = config
  }
}
