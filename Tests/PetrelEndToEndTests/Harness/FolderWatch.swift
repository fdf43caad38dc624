// SPDX-License-Identifier: Apache-2.0

import Subprocess
import Synchronization
import SystemPackage

#if canImport(Glibc)
  import Dispatch
  import Glibc

  /// Kills a process when something has changed in some folders so many times. Linux only.
  final class FolderWatch: Sendable {
    private let descriptor: FileDescriptor
    private let isOver = Mutex(false)

    /// Counts from now on: files that appear, are written, get other names or go.
    init(_ folders: [FilePath]) throws {
      descriptor = FileDescriptor(rawValue: inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)))
      guard descriptor.rawValue >= 0 else { throw Errno(rawValue: errno) }
      let events = IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE
      for folder in folders {
        guard inotify_add_watch(descriptor.rawValue, folder.string, UInt32(events)) >= 0 else {
          throw Errno(rawValue: errno)
        }
      }
    }

    deinit { try? descriptor.close() }

    /// There will be no more changes.
    func finish() { isOver.withLock { $0 = true } }

    /// Returns false if ``finish()`` was called first.
    func kill(_ pid: Int32, afterChanges count: Int) async -> Bool {
      await withCheckedContinuation { continuation in
        // A thread of its own: a killer that has to wait for its turn comes too late.
        DispatchQueue(label: "killer", qos: .userInteractive).async { [self] in
          var seen = 0
          while seen <= count, !isOver.withLock({ $0 }) { seen += waitForChanges() }
          if seen > count { Processes.send(.kill, to: pid) }
          continuation.resume(returning: seen > count)
        }
      }
    }

    /// How many changes there were within some milliseconds.
    private func waitForChanges() -> Int {
      var wanted = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
      guard poll(&wanted, 1, 5) > 0 else { return 0 }
      let room = 4096
      return withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { buffer in
        guard let length = try? descriptor.read(into: buffer) else { return 0 }
        var (count, offset) = (0, 0)
        // struct inotify_event: four numbers of 32 bits, of which the last is the length of the name that follows.
        while offset + 16 <= length {
          offset += 16 + Int(buffer.load(fromByteOffset: offset + 12, as: UInt32.self))
          count += 1
        }
        return count
      }
    }
  }
#endif
