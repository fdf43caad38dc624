// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The lines of one rotating log, the older file first, and on over every rotation.
struct LogFile {
  /// Longer lines are handed out in parts.
  private static let maximumLine = 64 * 1024
  private static let chunk = 64 * 1024

  private let path: FilePath
  private var file: FileDescriptor?
  private var pending: [UInt8] = []
  /// Where the next line begins in `pending`.
  private var start = 0

  init(_ path: FilePath) {
    self.path = path
    file = Self.open(FilePath(path.string + ".1")) ?? Self.open(path)
  }

  func close() { try? file?.close() }

  private static func open(_ path: FilePath) -> FileDescriptor? {
    try? FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
  }

  /// The next line with its end, or nil when there is none yet.
  ///
  /// - Parameter atEnd: whether a line without an end counts too.
  mutating func peek(atEnd: Bool) -> ArraySlice<UInt8>? {
    while true {
      if let end = pending[start...].firstIndex(of: 0x0A) { return pending[start...end] }
      if pending.count - start >= Self.maximumLine { return pending[start...] }
      guard fill() else { break }
    }
    guard atEnd, start < pending.count else { return nil }
    pending.append(0x0A)
    return pending[start...]
  }

  mutating func drop(_ line: ArraySlice<UInt8>) {
    start = line.endIndex
    if start > Self.chunk {
      pending.removeFirst(start)
      start = 0
    }
  }

  /// Reads on; at the end of a file that has been rotated away, in the one that took its place.
  private mutating func fill() -> Bool {
    while let file {
      var bytes = [UInt8](repeating: 0, count: Self.chunk)
      let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0) }) ?? 0
      if count > 0 {
        pending += bytes[..<count]
        return true
      }
      guard let next = Self.open(path) else { return false }
      guard let old = try? file.stat(), let new = try? next.stat(), old.rawValue.st_ino != new.rawValue.st_ino else {
        try? next.close()
        return false
      }
      try? file.close()
      self.file = next
    }
    file = Self.open(path)
    return file != nil && fill()
  }
}
