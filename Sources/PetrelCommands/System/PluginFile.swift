// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The file by which Docker finds its plugin `model`.
struct PluginFile {
  private let path: FilePath

  init(in folder: FilePath) {
    path = folder.appending(Invocation.pluginFileName)
  }

  /// Copies `executable` here. The plugin is the old one or the new one at every moment.
  ///
  /// - Parameter force: replaces a file that is not Petrel's.
  /// - Returns: the file's path.
  func install(from executable: FilePath, force: Bool) throws -> FilePath {
    if !force, exists, try !isOurs {
      throw CommandError(
        .fileExists,
        "\(path) is there already and is not Petrel's, maybe Docker's own plugin; replace it with --force")
    }
    let manager = FileManager.default
    let temporary = FilePath(path.string + ".\(ProcessInfo.processInfo.processIdentifier).tmp")
    do {
      try manager.createDirectory(atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
      try? manager.removeItem(atPath: temporary.string)
      try manager.copyItem(atPath: executable.string, toPath: temporary.string)
      try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: temporary.string)
      try AtomicRename.move(temporary, to: path)
    } catch {
      try? manager.removeItem(atPath: temporary.string)
      throw CommandError(.fileSystem, "cannot install the plugin as \(path): \(FileFailure.reason(error))")
    }
    return path
  }

  /// Also true for a symbolic link to nowhere.
  private var exists: Bool {
    FileManager.default.fileExists(atPath: path.string)
      || (try? FileManager.default.destinationOfSymbolicLink(atPath: path.string)) != nil
  }

  /// Whether the file holds the sentence by which this plugin presents itself. Running a stranger's program only to
  /// ask for its name would be rash.
  private var isOurs: Bool {
    get throws {
      guard let descriptor = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return false }
      return try descriptor.closeAfter {
        let mark = Array(PluginMetadata.description.utf8)
        var window: [UInt8] = []
        while true {
          let chunk = try [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, used in
            used = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
          }
          if chunk.isEmpty { return false }
          window += chunk
          if ByteSearch.contains(mark, in: window) { return true }
          // The mark may lie across two chunks.
          window.removeFirst(max(0, window.count - mark.count + 1))
        }
      }
    }
  }
}

/// Looking for bytes in bytes.
enum ByteSearch {
  static func contains(_ pattern: [UInt8], in bytes: [UInt8]) -> Bool {
    guard let first = pattern.first else { return true }
    var rest = bytes[...]
    while let start = rest.firstIndex(of: first) {
      rest = rest[start...]
      if rest.starts(with: pattern) { return true }
      rest = rest.dropFirst()
    }
    return false
  }
}
