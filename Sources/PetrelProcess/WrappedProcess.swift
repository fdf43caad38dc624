// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Programs that are started by another one, which stays until they end.
package enum WrappedProcess {
  /// The process that does the work: goes down from `pid` as long as a process is called `wrapper` and has one child.
  ///
  /// Sources: proc_pid_comm(5), proc_tid_children(5).
  package static func innermost(of pid: Int32, wrapper: String) -> Int32 {
    var pid = pid
    while read("/proc/\(pid)/comm") == wrapper {
      let children = read("/proc/\(pid)/task/\(pid)/children")?.split(separator: " ") ?? []
      guard children.count == 1, let child = Int32(children[0]) else { break }
      pid = child
    }
    return pid
  }

  private static func read(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map {
      String(decoding: $0.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
  }
}
