// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// Body of `POST /models/import`: local files to make a model of. The daemon opens them itself, so it takes the request
/// on its Unix socket only.
package struct ImportRequest: Codable, Sendable, Hashable {
  package struct File: Codable, Sendable, Hashable {
    /// Absolute.
    package var path: String
    /// Of the layer that the file becomes.
    package var mediaType: String
    /// Inside the model, `/` between folders.
    package var name: String
    /// What the content's digest must be, when that is known.
    package var digest: Digest?

    package init(path: String, mediaType: String, name: String, digest: Digest? = nil) {
      self.path = path
      self.mediaType = mediaType
      self.name = name
      self.digest = digest
    }

    enum CodingKeys: String, CodingKey {
      case path
      case mediaType = "media_type"
      case name, digest
    }
  }

  /// The model's name, with a tag or without.
  package var name: String
  /// In the order of the layers, weights first.
  package var files: [File]
  /// Tokens; absent for what the weights say.
  package var contextSize: Int64?
  /// Seconds since 1970.
  package var created: Int64
  /// Whether hard links will do where the file system has no clones: for files that nobody writes to.
  package var link: Bool

  package init(name: String, files: [File], contextSize: Int64? = nil, created: Int64, link: Bool) {
    self.name = name
    self.files = files
    self.contextSize = contextSize
    self.created = created
    self.link = link
  }

  enum CodingKeys: String, CodingKey {
    case name, files
    case contextSize = "context_size"
    case created, link
  }
}

/// Answer of `POST /models/import`.
package struct ImportResponse: Codable, Sendable, Hashable {
  /// How the file with this name got into the store: `present`, `cloned`, `linked` or `copied`.
  package struct File: Codable, Sendable, Hashable {
    package var name: String
    package var digest: Digest
    /// Bytes.
    package var size: Int64
    package var method: String

    package init(name: String, digest: Digest, size: Int64, method: String) {
      self.name = name
      self.digest = digest
      self.size = size
      self.method = method
    }
  }

  package var id: Digest
  /// Fully qualified.
  package var name: String
  package var files: [File]

  package init(id: Digest, name: String, files: [File]) {
    self.id = id
    self.name = name
    self.files = files
  }
}
