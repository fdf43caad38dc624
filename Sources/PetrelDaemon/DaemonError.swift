// SPDX-License-Identifier: Apache-2.0

/// Why the daemon can't start. The message tells what to do.
package struct DaemonError: Error, Sendable, CustomStringConvertible {
  package let message: String
  package var description: String { message }
}
