// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTar
import SystemPackage

import struct Crypto.SHA256

/// A folder as an uncompressed tar archive, made while it is read: the same files give the same bytes, whoever owns
/// them and whenever they were written. All names begin with the folder's own.
package struct DirectoryTar: Hashable, Sendable {
  enum Segment: Hashable, Sendable {
    case bytes([UInt8])
    case file(FilePath, FileIdentity)
  }

  /// Bytes of the whole archive.
  package let size: Int64
  /// The folder's name and `.tar`.
  package let name: String
  let segments: [Segment]

  package init(of folder: FilePath) throws(PackagingError) {
    let root = folder.lexicallyNormalized().lastComponent?.string ?? "files"
    var segments: [Segment] = []
    var size: Int64 = 0
    func append(_ bytes: [UInt8]) {
      segments.append(.bytes(bytes))
      size += Int64(bytes.count)
    }
    let walk = try DirectoryWalk(folder)
    guard walk.entries.contains(where: { !$0.isDirectory }) else {
      throw PackagingError(.nothingToPackage, "no files found in directory: \(folder)" + Self.hint(walk))
    }
    append(TarHeader.directory(name: root))
    for entry in walk.entries {
      let name = root + "/" + entry.name
      guard !entry.isDirectory else {
        append(TarHeader.directory(name: name))
        continue
      }
      let file = try LocalFile(opening: entry.path, allowsEmpty: true)
      append(TarHeader.file(name: name, mode: file.mode & 0o100 != 0 ? 0o755 : 0o644, size: file.byteCount))
      guard file.byteCount > 0 else { continue }
      segments.append(.file(entry.path, file.identity))
      size += file.byteCount
      append([UInt8](repeating: 0, count: Int(TarHeader.padding(after: file.byteCount))))
    }
    append(TarHeader.end)
    self.segments = segments.filter { if case .bytes(let bytes) = $0 { !bytes.isEmpty } else { true } }
    self.size = size
    self.name = root + ".tar"
  }

  static func hint(_ walk: DirectoryWalk) -> String {
    walk.skippedLinks == 0
      ? "" : " (\(walk.skippedLinks) symbolic links were left out: copy the files themselves there)"
  }

  /// The digest of the whole archive. Lets other tasks run between chunks.
  func digest() async throws -> Digest {
    let hash = RunningHash()
    for segment in segments {
      switch segment {
      case .bytes(let bytes): hash.update(bytes)
      case .file(let path, let identity):
        let file = try LocalFile(opening: path)
        guard file.identity == identity else { throw file.changed }
        try await file.update(hash)
      }
    }
    return hash.finished()
  }
}
