// SPDX-License-Identifier: Apache-2.0

/// Something that a ``FakeRegistry`` does wrong on purpose.
package enum RegistryFault: Sendable {
  /// Answers with this status. `errorCode` goes into an error body as the distribution specification describes it.
  case status(Int, errorCode: String? = nil, headers: [String: String] = [:])
  /// Sends a body of the right length with one bit of its first byte flipped.
  case wrongBytes
  /// Announces the whole body, sends this many bytes of it and closes the connection.
  case close(afterBytes: Int)
  /// Sends this many bytes of the body and nothing more until ``FakeRegistry/releaseStalls()``.
  case stall(afterBytes: Int)
  /// Sends the whole blob with status 200 whatever range was asked for.
  case ignoreRange
  /// Sends these headers in place of its own.
  case headers([String: String])
  /// Sends this body.
  case body([UInt8])
  /// Loses all of an upload but this many bytes, before it looks at the request.
  case loseUpload(keeping: Int)
  /// Takes this many bytes of the request's body and closes the connection.
  case cutRequest(afterBytes: Int)
  /// Takes this many bytes of the request's body and nothing more until ``FakeRegistry/releaseStalls()``.
  case stallRequest(afterBytes: Int)
}
