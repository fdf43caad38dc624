// SPDX-License-Identifier: Apache-2.0

enum SilentSound {
  /// A WAV file of one channel, 8,000 samples a second and 8 bits, without a sample.
  static let wav =
    "RIFF....WAVEfmt \u{10}\0\0\0\u{1}\0\u{1}\0@\u{1F}\0\0@\u{1F}\0\0\u{1}\0\u{8}\0data\0\0\0\0"
}
