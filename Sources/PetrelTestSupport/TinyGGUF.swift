// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A small GGUF file with a valid header, which no engine could run.
package enum TinyGGUF {
  /// - Parameters:
  ///   - template: the chat template in its metadata; nil for none.
  ///   - filler: bytes of an array in front of everything that is looked at.
  ///   - dataSize: bytes after the header.
  ///   - seed: makes the contents of two files different.
  package static func bytes(
    template: String? = nil, filler: Int = 0, dataSize: Int = 128, seed: UInt8 = 1
  ) -> [UInt8] {
    var buffer = ByteBuffer()
    func text(_ text: String) {
      buffer.writeInteger(UInt64(text.utf8.count), endianness: .little)
      buffer.writeString(text)
    }
    func pair(_ key: String, type: UInt32) {
      text(key)
      buffer.writeInteger(type, endianness: .little)
    }
    buffer.writeString("GGUF")
    buffer.writeInteger(UInt32(3), endianness: .little)
    buffer.writeInteger(UInt64(1), endianness: .little)
    let pairs = 3 + (template == nil ? 0 : 1) + (filler == 0 ? 0 : 1)
    buffer.writeInteger(UInt64(pairs), endianness: .little)
    if filler > 0 {
      pair("tokenizer.filler", type: 9)
      buffer.writeInteger(UInt32(0), endianness: .little)
      buffer.writeInteger(UInt64(filler), endianness: .little)
      buffer.writeRepeatingByte(seed, count: filler)
    }
    pair("general.architecture", type: 8)
    text("llama")
    pair("general.file_type", type: 4)
    buffer.writeInteger(UInt32(7), endianness: .little)
    pair("llama.context_length", type: 4)
    buffer.writeInteger(UInt32(4096), endianness: .little)
    if let template {
      pair("tokenizer.chat_template", type: 8)
      text(template)
    }
    text("token_embd.weight")
    buffer.writeInteger(UInt32(1), endianness: .little)
    buffer.writeInteger(UInt64(32), endianness: .little)
    buffer.writeInteger(UInt32(0), endianness: .little)
    buffer.writeInteger(UInt64(0), endianness: .little)
    buffer.writeRepeatingByte(0, count: 32 - buffer.writerIndex % 32)
    buffer.writeRepeatingByte(seed, count: max(dataSize, 128))
    return Array(buffer.readableBytesView)
  }
}
