// SPDX-License-Identifier: Apache-2.0

import Crypto
import PetrelOCI
import SystemPackage

/// Computes the digest of a file piece by piece, on a thread of its own and in little memory.
actor FileHash {
  private static let bufferSize = 1024 * 1024

  private nonisolated let executor = DiskExecutor()
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let path: FilePath
  private var file: FileDescriptor?
  private var hasher = SHA256()
  private var buffer: [UInt8] = []

  init(_ path: FilePath) { self.path = path }

  deinit { try? file?.close() }

  /// Reads and hashes about `count` bytes more. Returns how many there were: none at the end of the file.
  func advance(by count: Int) throws -> Int {
    do {
      let file = try self.file ?? FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow])
      self.file = file
      if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.bufferSize) }
      var done = 0
      while done < count {
        let read = try buffer.withUnsafeMutableBytes { bytes in
          let read = try file.read(into: bytes)
          hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[..<read]))
          return read
        }
        if read == 0 { break }
        done += read
      }
      return done
    } catch let error as Errno {
      throw StoreError(errno: error, "read \(path)")
    }
  }

  /// Of all bytes so far.
  var digest: PetrelOCI.Digest { PetrelOCI.Digest(hasher.finalize()) }

  /// The open file, whatever has its name now.
  func stamp() throws -> PlatformFile.Stamp? { try file.map { PlatformFile.Stamp(try $0.stat()) } }
}
