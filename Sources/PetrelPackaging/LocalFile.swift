// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import PetrelOCI
import PetrelSafetensors
import SystemPackage

import struct Crypto.SHA256

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A regular file that is open for reading, with its size and times at that moment. Symbolic links are followed.
final class LocalFile {
  /// Bytes that are read, hashed or sent at a time.
  static let chunkSize = 1024 * 1024

  let path: FilePath
  let byteCount: Int64
  let modified: Timestamp
  /// Permission bits.
  let mode: Int
  /// Which file this is, and in what state.
  let identity: FileIdentity

  private let descriptor: FileDescriptor

  /// - Parameter allowsEmpty: an empty file is usually the leftover of a failed download.
  init(opening path: FilePath, allowsEmpty: Bool = false) throws(PackagingError) {
    let status: Stat
    do {
      // Opening a pipe would wait for a writer; `nonBlocking` has no effect on regular files.
      descriptor = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
    } catch Errno.noSuchFileOrDirectory {
      throw PackagingError(.fileNotFound, "\(path) does not exist")
    } catch {
      throw PackagingError(.unreadableFile, "\(path) cannot be opened: \(error)")
    }
    do {
      status = try descriptor.stat()
      guard status.type == .regular else { throw PackagingError(.unsuitableFile, "\(path) is not a regular file") }
      guard status.size > 0 || allowsEmpty else { throw PackagingError(.unsuitableFile, "\(path) is empty") }
    } catch {
      try? descriptor.close()
      throw error as? PackagingError ?? PackagingError(.unreadableFile, "\(path) cannot be inspected: \(error)")
    }
    self.path = path
    byteCount = status.size
    modified = Self.modified(status)
    mode = Int(status.permissions.rawValue & 0o777)
    identity = FileIdentity(status)
  }

  deinit { try? descriptor.close() }

  /// The last part of the path as it was given, not that of a link's target.
  var name: String { path.lastComponent?.string ?? path.string }

  /// The `count` bytes at `offset`, fewer only at the end of the file.
  func bytes(at offset: Int64, count: Int) throws(PackagingError) -> [UInt8] {
    do {
      return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        while filled < count {
          let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
          let read = try descriptor.read(fromAbsoluteOffset: offset + Int64(filled), into: rest)
          if read == 0 { return }
          filled += read
        }
      }
    } catch {
      throw PackagingError(.unreadableFile, "\(path) cannot be read: \(error)")
    }
  }

  /// The digest of the whole file. Lets other tasks run between chunks.
  func digest() async throws -> Digest {
    let hash = RunningHash()
    try await update(hash)
    return hash.finished()
  }

  /// Feeds the whole file to `hash`.
  func update(_ hash: RunningHash) async throws {
    var offset: Int64 = 0
    while offset < byteCount {
      try Task.checkCancellation()
      offset += try feed(hash, from: offset)
      await Task.yield()
    }
    try requireUnchanged()
  }

  /// One chunk. Apart from the loop, as optimised builds of Swift 6.3 crash the compiler on both in one.
  @inline(never)
  private func feed(_ hash: RunningHash, from offset: Int64) throws -> Int64 {
    let chunk = try bytes(at: offset, count: Int(min(byteCount - offset, Int64(Self.chunkSize))))
    guard !chunk.isEmpty else { throw changed }
    hash.update(chunk)
    return Int64(chunk.count)
  }

  /// Fails if the file's size or modification time is no longer what it was.
  func requireUnchanged() throws(PackagingError) {
    let status: Stat
    do {
      status = try descriptor.stat()
    } catch {
      throw PackagingError(.unreadableFile, "\(path) cannot be inspected: \(error)")
    }
    guard status.size == byteCount, Self.modified(status) == modified else { throw changed }
  }

  var changed: PackagingError {
    PackagingError(.fileChanged, "\(path) changed while it was being read: try again when nothing writes to it")
  }

  private static func modified(_ status: Stat) -> Timestamp {
    Timestamp(seconds: Int64(status.st_mtim.tv_sec), nanoseconds: Int64(status.st_mtim.tv_nsec))
  }
}

/// A hash on the heap: optimised builds of Swift 6.3 crash the compiler when its state lives across an `await`.
final class RunningHash {
  private var hash = SHA256()

  func update(_ bytes: [UInt8]) { hash.update(data: bytes) }
  func finished() -> Digest { Digest(hash.finalize()) }
}

extension LocalFile: GGUFSource, SafetensorsSource {
  var size: UInt64 { UInt64(byteCount) }

  func readBytes(at offset: UInt64, count: Int) throws(SafetensorsError) -> [UInt8] {
    guard let offset = Int64(exactly: offset) else { return [] }
    do {
      return try bytes(at: offset, count: count)
    } catch {
      throw SafetensorsError(.unreadable, error.message)
    }
  }

  func read(at offset: UInt64, count: Int) throws(GGUFError) -> [UInt8] {
    guard let offset = Int64(exactly: offset) else { return [] }
    do {
      return try bytes(at: offset, count: count)
    } catch {
      throw GGUFError(.unreadable, error.message)
    }
  }
}
