// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// A local file that is open to be taken into the store. Closed with the last reference.
final class AdoptedFile: Sendable {
  private static let pieceSize: Int64 = 4 * 1024 * 1024

  let path: FilePath
  let file: FileDescriptor
  /// Bytes, when it was opened.
  var size: Int64 { stamp.size }
  private let stamp: PlatformFile.Stamp

  /// Throws ``StoreError`` (`invalidFile`) for what is no regular file or is empty.
  init(_ path: FilePath) throws {
    func refuse(_ reason: String) -> StoreError { StoreError(.invalidFile, "\(path) \(reason)") }
    self.path = path
    do {
      // Opening a pipe would wait for a writer; `nonBlocking` has no effect on regular files.
      file = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
    } catch Errno.noSuchFileOrDirectory {
      throw refuse("does not exist")
    } catch {
      throw refuse("cannot be read: \(error)")
    }
    do {
      let status = try file.stat()
      guard status.type == .regular else { throw refuse("is not a regular file") }
      guard status.size > 0 else { throw refuse("is empty") }
      stamp = PlatformFile.Stamp(status)
    } catch {
      try? file.close()
      throw error as? StoreError ?? refuse("cannot be inspected: \(error)")
    }
  }

  deinit { try? file.close() }

  func isSameFile(as status: Stat) -> Bool { PlatformFile.Stamp(status).file == stamp.file }

  /// Up to four MiB from `offset` on; empty at the end.
  func piece(at offset: Int64) throws -> [UInt8] {
    let length = Int(max(0, min(size - offset, Self.pieceSize)))
    do {
      return try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
        count = try file.read(fromAbsoluteOffset: offset, into: UnsafeMutableRawBufferPointer(buffer))
      }
    } catch let error as Errno {
      throw StoreError(errno: error, "read \(path)")
    }
  }

  func requireUnchanged() throws {
    guard let status = try? file.stat(), PlatformFile.Stamp(status) == stamp else { throw changed }
  }

  var changed: StoreError {
    StoreError(.invalidFile, "\(path) changed while it was being read: try again when nothing writes to it")
  }

  static func create(_ path: FilePath) throws -> FileDescriptor {
    do {
      try DiskWatch.willChange(.create, path)
      return try FileDescriptor.open(
        path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch let error as Errno {
      throw StoreError(errno: error, "create \(path)")
    }
  }

  static func write(_ piece: [UInt8], to file: FileDescriptor, at offset: Int64, _ path: FilePath) throws {
    do {
      try DiskWatch.willChange(.write, path)
      try file.writeAll(toAbsoluteOffset: offset, piece)
    } catch let error as Errno {
      throw StoreError(errno: error, "write \(path)")
    }
  }
}
