// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage

/// A log file of bounded size: when it is full it becomes `<name>.1`, which takes the place of the one before.
package final class RotatingLog: Sendable {
  private struct State: ~Copyable {
    var file: FileDescriptor?
    var size: Int
  }

  private let path: FilePath
  private let limit: Int
  private let state: Mutex<State>

  /// - Parameters:
  ///   - path: its folder must exist.
  ///   - limit: bytes.
  package init(path: FilePath, limit: Int = 8 * 1024 * 1024) {
    self.path = path
    self.limit = limit
    state = Mutex(State(file: nil, size: 0))
  }

  deinit { close() }

  /// Appends bytes. A full disk loses log lines, never the engine that wrote them.
  package func append(_ bytes: UnsafeRawBufferPointer) {
    state.withLock { state in
      if state.size + bytes.count > limit, let file = state.file {
        try? file.close()
        state.file = nil
        rename()
      }
      if state.file == nil {
        state.file = try? FileDescriptor.open(
          path, .writeOnly, options: [.create, .append, .closeOnExec], permissions: [.ownerReadWrite, .groupRead])
        state.size = (try? state.file?.seek(offset: 0, from: .end)).flatMap { Int($0) } ?? 0
      }
      if let file = state.file, (try? file.writeAll(bytes)) != nil { state.size += bytes.count }
    }
  }

  package func close() {
    state.withLock { state in
      try? state.file?.close()
      state.file = nil
    }
  }

  private func rename() {
    path.withPlatformString { old in
      FilePath(path.string + ".1").withPlatformString { new in _ = renameFile(old, new) }
    }
  }
}
