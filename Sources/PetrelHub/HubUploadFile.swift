// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI
import PetrelRegistry

/// A file that is to go into a repository of the hub.
package struct HubUploadFile: Sendable {
  /// In the repository, with `/`.
  package let path: String
  /// Bytes.
  package let size: Int64
  package let digest: Digest
  package let content: any BlobContent

  package init(path: String, size: Int64, digest: Digest, content: any BlobContent) {
    self.path = path
    self.size = size
    self.digest = digest
    self.content = content
  }

  /// All bytes, of a small file.
  func bytes(upTo limit: Int64) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    let end = min(size, limit)
    while Int64(bytes.count) < end {
      let piece = try await content.read(from: Int64(bytes.count), upTo: Int(end) - bytes.count)
      guard piece.readableBytes > 0 else {
        throw RegistryError(.digestMismatch, "\(path) has only \(bytes.count) bytes instead of \(size)")
      }
      bytes.append(contentsOf: piece.readableBytesView)
    }
    return bytes
  }
}
