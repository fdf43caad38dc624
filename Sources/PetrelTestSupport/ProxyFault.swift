// SPDX-License-Identifier: Apache-2.0

/// Something that a ``FaultProxy`` does to an answer that has a certain byte.
package enum ProxyFault: Sendable, Hashable {
  /// Closes the connection before this byte.
  case cut
  /// Sends nothing more from this byte on, until ``FaultProxy/releaseStalls()``.
  case stall
  /// Flips a bit of this byte.
  case corrupt
  /// Sends so many bytes from this one on after as many that follow them.
  case reorder(Int)
  /// Sends the range one byte further on, and says so.
  case otherRange
  /// Sends the whole blob with status 200.
  case ignoreRange
  /// Says that the blob has this entity tag.
  case tag(String)
  /// Says that the blob has so many bytes.
  case total(Int64)
  case status(Int, headers: [String: String] = [:])
  /// Refuses the storage URL that was asked for this byte, from now on.
  case expire
}
