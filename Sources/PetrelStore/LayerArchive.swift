// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTar
import SystemPackage

/// The table of contents of a layer that is an uncompressed tar archive. It comes from a stranger.
enum LayerArchive {
  /// A regular file. Links and devices are left out: nothing that is unpacked may lead out of its folder.
  struct Entry: Hashable, Sendable {
    /// As the archive has it, not checked.
    let name: String
    /// Of the content, from the start of the archive.
    let offset: Int64
    /// Bytes.
    let size: Int64
    let isExecutable: Bool
  }

  /// More make no model.
  private static let largestCount = 50_000

  /// Reads the headers and passes over the contents. Throws ``StoreError`` (`invalidArtifact`, `io`).
  static func entries(of archive: FilePath) throws -> [Entry] {
    try FileDescriptor.open(archive, .readOnly, options: .closeOnExec).closeAfterwards { file in
      let size = try file.stat().size
      var reader = TarReader()
      var entries: [Entry] = []
      var offset: Int64 = 0
      do {
        while offset < size {
          let block = try file.bytes(at: offset, count: TarHeader.blockSize)
          offset += Int64(block.count)
          for case .begin(let entry) in try reader.consume(block) {
            guard entry.size <= size - offset else { throw TarError(.truncated, "the archive ends too early") }
            guard entry.kind == .file else { continue }
            entries.append(
              Entry(name: entry.name, offset: offset, size: entry.size, isExecutable: entry.mode & 0o100 != 0))
            guard entries.count <= largestCount else {
              throw TarError(.malformed, "the archive has more than \(largestCount) files")
            }
            offset += reader.contentAhead
            reader.skipContent()
          }
        }
        try reader.finish()
      } catch let error as TarError {
        throw StoreError(.invalidArtifact, "a layer of the model is no archive that can be unpacked: \(error)")
      }
      return entries
    }
  }

  /// Writes one entry's content to a file that must not exist, and that nobody may write to afterwards.
  static func extract(_ range: Range<Int64>, of archive: FilePath, to target: FilePath, isExecutable: Bool) throws {
    try FileDescriptor.open(archive, .readOnly, options: .closeOnExec).closeAfterwards { source in
      try DiskWatch.willChange(.create, target)
      let file = try FileDescriptor.open(
        target, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
        permissions: isExecutable ? [.ownerReadExecute, .groupReadExecute, .otherReadExecute] : .readableByAll)
      try file.closeAfterwards { file in
        var offset = range.lowerBound
        while offset < range.upperBound {
          let piece = try source.bytes(at: offset, count: Int(min(range.upperBound - offset, 1 << 20)))
          guard !piece.isEmpty else {
            throw StoreError(.corrupt, "\(archive) is shorter than it was; pull the model again")
          }
          try DiskWatch.willChange(.write, target)
          try file.writeAll(piece)
          offset += Int64(piece.count)
        }
      }
    }
  }
}

extension FilePermissions {
  static let readableByAll: FilePermissions = [.ownerRead, .groupRead, .otherRead]
  static let writableByAll: FilePermissions = [.ownerWrite, .groupWrite, .otherWrite]
}

extension FileDescriptor {
  /// The `count` bytes at `offset`, fewer only at the end of the file.
  func bytes(at offset: Int64, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
        let read = try self.read(fromAbsoluteOffset: offset + Int64(filled), into: rest)
        if read == 0 { return }
        filled += read
      }
    }
  }
}
