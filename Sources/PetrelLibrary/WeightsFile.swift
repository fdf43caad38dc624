// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import SystemPackage

/// Weights on this machine, open for as long as this lives.
final class WeightsFile: GGUFSource {
  let size: UInt64
  private let file: FileDescriptor

  /// Throws `Errno`.
  init(_ path: FilePath) throws {
    file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    do {
      size = UInt64(try file.stat().size)
    } catch {
      try? file.close()
      throw error
    }
  }

  deinit { try? file.close() }

  func read(at offset: UInt64, count: Int) throws(GGUFError) -> [UInt8] {
    do {
      return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        while filled < count {
          let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
          let read = try file.read(fromAbsoluteOffset: Int64(offset) + Int64(filled), into: rest)
          if read == 0 { return }
          filled += read
        }
      }
    } catch {
      throw GGUFError(.unreadable, "the file cannot be read: \(error)")
    }
  }

  /// Empty when the file does not begin with a safetensors header.
  func safetensorsHeader() throws(GGUFError) -> [UInt8] {
    guard let length = SafetensorsSummary.headerLength(try read(at: 0, count: 8)), UInt64(length) <= size else {
      return []
    }
    return try read(at: 0, count: length)
  }
}
