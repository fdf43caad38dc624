// SPDX-License-Identifier: Apache-2.0

/// How much a request may ask for.
package struct RequestLimits: Hashable, Sendable {
  /// Bytes of an inference request's body. Images and long conversations fit.
  package var body = 256 * 1024 * 1024
  /// Images in a request.
  package var images = 64
  /// Bytes of one image, decoded.
  package var imageBytes = 64 * 1024 * 1024
  /// Pixels of one image, as its header says: what an engine has to unpack.
  package var imagePixels = 64_000_000
  /// Whether engines may fetch images that a request names by URL.
  package var fetchesImages = false

  package init() {}
}
