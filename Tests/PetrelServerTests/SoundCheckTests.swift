// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1
import PetrelTestSupport
import Testing

@testable import PetrelServer

/// The beginnings of files of sound.
enum SoundBytes {
  static let wav = wav(rate: 8000)

  static func wav(rate: UInt32, behind chunks: [UInt8] = []) -> [UInt8] {
    let form: [UInt8] = [16, 0, 0, 0, 1, 0, 1, 0] + (0..<4).map { UInt8(truncatingIfNeeded: rate >> (8 * $0)) }
    return Array("RIFF1234WAVE".utf8) + chunks + Array("fmt ".utf8) + form + [0x40, 0x1F, 0, 0, 1, 0, 8, 0]
      + Array("data".utf8) + [0, 0, 0, 0]
  }

  static func flac(samples: Int, rate: Int = 16_000) -> [UInt8] {
    var bytes = Array("fLaC".utf8) + [0x80, 0, 0, 34] + [UInt8](repeating: 0, count: 10)
    // 20 bits of the rate, 3 of the channels, 5 of the bits of a sample, 36 of the samples.
    let packed = UInt64(rate) << 44 | 15 << 36 | UInt64(samples)
    bytes += (0..<8).reversed().map { UInt8(truncatingIfNeeded: packed >> (8 * $0)) }
    return bytes + [UInt8](repeating: 0, count: 16)
  }

  /// A tag of ID3.
  static func tag(_ size: Int) -> [UInt8] {
    let sizes = [21, 14, 7, 0].map { UInt8(size >> $0 & 0x7F) }
    return Array("ID3".utf8) + [4, 0, 0] + sizes + [UInt8](repeating: 0, count: size)
  }
}

@Suite struct SoundHeaderTests {
  @Test func `Sound is told by its marks`() {
    let sounds: [[UInt8]] = [
      SoundBytes.wav, SoundBytes.flac(samples: 1), [0xFF, 0xFB, 0x90, 0],
      SoundBytes.tag(20) + SoundBytes.tag(42).suffix(42),
    ]
    for bytes in sounds { #expect(SoundHeader(bytes) == .sound) }
    let wholeFLAC = SoundBytes.flac(samples: 0)
    let others: [[UInt8]] = [
      [], Array("RIFF1234WEBP".utf8), Array("OggS".utf8), ImageBytes.png(1, 1), ImageBytes.jpeg(1, 1),
    ]
    for bytes in others { #expect(SoundHeader(bytes) == .unknown) }
    for length in 3..<72 { #expect(SoundHeader(Array((SoundBytes.tag(20) + wholeFLAC).prefix(length))) == .cutOff) }
  }

  @Test func `WAV has many samples a second`() {
    let note = Array("LIST".utf8) + [3, 0, 0, 0, 1, 2, 3, 0]
    for chunks in [[], note, note + note] {
      #expect(SoundHeader(SoundBytes.wav(rate: 1000, behind: chunks)) == .sound)
      for rate: UInt32 in [0, 1, 999] { #expect(SoundHeader(SoundBytes.wav(rate: rate, behind: chunks)) == .tooSlow) }
      for cut in 5...20 { #expect(SoundHeader(SoundBytes.wav(rate: 8000, behind: chunks).dropLast(cut)) == .cutOff) }
      for cut in 17...32 { #expect(SoundHeader(SoundBytes.wav(rate: 1, behind: chunks).dropLast(cut)) == .cutOff) }
    }
    // Two forms, of which one would do.
    let form = SoundBytes.wav(rate: 8000).dropFirst(12).prefix(24)
    #expect(SoundHeader(SoundBytes.wav(rate: 1, behind: Array(form))) == .unknown)
    #expect(SoundHeader(Array("RIFF1234WAVE".utf8) + [UInt8](repeating: 0, count: 100_000)) == .unknown)
    let endless = Array("LIST".utf8) + [255, 255, 255, 255]
    #expect(SoundHeader(SoundBytes.wav(rate: 8000, behind: endless)) == .cutOff)
  }

  @Test func `FLAC says how long it is, also behind tags`() {
    let most = 16_000 * SoundHeader.mostSeconds
    for before: [UInt8] in [[], SoundBytes.tag(0) + SoundBytes.tag(300)] {
      #expect(SoundHeader(before + SoundBytes.flac(samples: most)) == .sound)
      for samples in [0, most + 1] { #expect(SoundHeader(before + SoundBytes.flac(samples: samples)) == .tooLong) }
      #expect(SoundHeader(before + SoundBytes.flac(samples: 1, rate: 0)) == .tooLong)
    }
    #expect(SoundHeader(Array(SoundBytes.flac(samples: 1).prefix(41))) == .unknown)
  }
}

@Suite struct SoundCheckTests {
  private static func code(_ member: String, _ change: (inout RequestLimits) -> Void = { _ in }) -> String? {
    var limits = RequestLimits()
    change(&limits)
    do throws(OpenAIError) {
      try ImageCheck(limits: limits).check(
        ByteBuffer(string: #"{"messages":[{"role":"user","content":[{"type":"x",\#(member)}]}]}"#))
      return nil
    } catch {
      #expect(error.status == .badRequest && error.param == "messages")
      return error.code
    }
  }

  private static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

  @Test(arguments: [
    #""input_audio":{"data":"URL","format":"wav"}"#, #""input_audio":{"url":"URL"}"#, #""input_audio":"URL""#,
    #""audio_url":{"url":"URL"}"#, #""input\u005faudio":{"d\u0061ta":"URL"}"#, #""input_video":{"data":"URL"}"#,
    #""video_url":{"url":"URL"}"#, #""video_url":"URL""#,
  ]) func `Nothing is fetched`(member: String) {
    for url in ["http://169.254.169.254/x", "https://a.example/x", "file:///etc/passwd", "ftp://a/x"] {
      let member = member.replacing("URL", with: url)
      #expect(Self.code(member)?.hasSuffix("_url_not_allowed") == true)
      #expect((Self.code(member) { $0.fetchesImages = true } == nil) == url.hasPrefix("http"))
    }
    #expect(Self.code(member.replacing("URL", with: "http"))?.hasPrefix("invalid_") == true)
  }

  @Test func `Sound is sound, and has a bound`() {
    let wav = Self.base64(SoundBytes.wav)
    for data in [wav, "data:audio/wav;base64,\(wav)"] {
      #expect(Self.code(#""input_audio":{"data":"\#(data)"}"#) == nil)
      #expect(Self.code(#""input_audio":{"data":"\#(data)"}"#) { $0.imageBytes = 5 } == "audio_too_large")
      #expect(Self.code(#""input_audio":{"data":"\#(data)"}"#) { $0.images = 0 } == "too_many_images")
    }
    let slow = Self.base64(SoundBytes.wav(rate: 1))
    #expect(Self.code(#""input_audio":{"data":"\#(slow)"}"#) == "invalid_audio")
    let flac = Self.base64(SoundBytes.flac(samples: 0))
    #expect(Self.code(#""input_audio":{"data":"\#(flac)"}"#) == "audio_too_long")
    let tagged = Self.base64(SoundBytes.tag(300_000) + SoundBytes.flac(samples: 0))
    #expect(Self.code(#""input_audio":{"data":"\#(tagged)"}"#) == "audio_too_long")
  }

  @Test func `An image sent as something else is refused`() {
    let image = Self.base64(ImageBytes.png(60_000, 60_000))
    #expect(Self.code(#""input_audio":{"data":"\#(image)"}"#) == "invalid_audio")
    #expect(Self.code(#""input_video":{"data":"\#(image)"}"#) == "invalid_video")
    #expect(Self.code(#""input_video":{"data":"\#(Self.base64([0, 0, 0, 24] + Array("ftypisom".utf8)))"}"#) == nil)
  }
}
