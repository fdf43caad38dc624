// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Kills one process, as `kill -9` does. False when there is none.
@discardableResult
package func killProcess(_ pid: Int32) -> Bool { pid > 1 && kill(pid, SIGKILL) == 0 }
