// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelPackaging
import SystemPackage
import Testing

/// A folder of its own, removed with the fixture.
final class Folder {
  let path: FilePath

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "petrel-packaging-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = FilePath(url.path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  /// Writes a file of mode 0644 that was last modified at 2025-01-02T03:04:05Z.
  @discardableResult
  func write(_ name: String, _ content: some Collection<UInt8>) throws -> FilePath {
    let file = path.appending(name)
    try FileManager.default.createDirectory(
      atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
    try Data(content).write(to: URL(filePath: file.string))
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1_735_787_045), .posixPermissions: 0o644],
      ofItemAtPath: file.string)
    return file
  }
}

/// Files and results that the reference packager was run on.
enum Vector {
  /// 2025-06-15T12:00:00Z.
  static let created = Date(timeIntervalSince1970: 1_749_988_800)
  static let license = "MIT\n".utf8
  static let chatTemplate = "{{ messages }}\n".utf8
  static let badGGUF = "not gguf".utf8

  /// Files of the vector `st`, by their paths.
  static var safetensorsFolder: [(name: String, content: [UInt8])] {
    [
      ("config.json", Array(#"{"max_position_embeddings":8192}"#.utf8)),
      (
        "model.safetensors",
        safetensors(
          #"{"__metadata__":{"architecture":"LlamaForCausalLM","format":"pt"},"#
            + #""a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}"#, data: 12)
      ),
      (
        "text_encoder/model.safetensors",
        safetensors(#"{"c":{"dtype":"F32","shape":[10,2],"data_offsets":[0,80]}}"#, data: 80)
      ),
    ]
  }

  /// A safetensors file with this header and `data` zeros.
  static func safetensors(_ header: String, data: Int) -> [UInt8] {
    let count = header.utf8.count
    return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + Array(header.utf8)
      + [UInt8](repeating: 0, count: data)
  }

  static func tinyGGUF() throws -> Data { try #require(Data(base64Encoded: tinyBase64)) }

  private static let tinyBase64 =
    "R0dVRgMAAAACAAAAAAAAAAcAAAAAAAAAFAAAAAAAAABnZW5lcmFsLmFyY2hpdGVjdHVyZQgAAAAFAAAAAAAAAGxsYW1hEQAAAAAAAABnZW5l"
    + "cmFsLmZpbGVfdHlwZQQAAAAPAAAAFAAAAAAAAABsbGFtYS5jb250ZXh0X2xlbmd0aAQAAAAAEAAAFAAAAAAAAABsbGFtYS5yb3BlLmZyZXFf"
    + "YmFzZQYAAAAAQBxGFwAAAAAAAAB0b2tlbml6ZXIuY2hhdF90ZW1wbGF0ZQgAAAAJAAAAAAAAADx8YXw+ICYgYhwAAAAAAAAAdG9rZW5pemVy"
    + "LmdnbWwuYWRkX2Jvc190b2tlbgcAAAABDAAAAAAAAABnZW5lcmFsLnRhZ3MJAAAACAAAAAIAAAAAAAAAAQAAAAAAAAB4AQAAAAAAAAB5EQAA"
    + "AAAAAAB0b2tlbl9lbWJkLndlaWdodAIAAAAEAAAAAAAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAEwAAAAAAAABibGsuMC5hdHRuX3Eud2VpZ2h0"
    + "AQAAAAQAAAAAAAAAAAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

  static let manifestV1 =
    #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"#
    + #""application/vnd.docker.ai.model.config.v0.1+json","size":541,"digest":"#
    + #""sha256:f5b17fdf9273a708dbd4176a66241d845d52eab1b451883cd1ddd9fd0ceb037f"},"layers":[{"mediaType":"#
    + #""application/vnd.docker.ai.gguf.v3","size":512,"digest":"#
    + #""sha256:3cc26814438446b63c08f00040a7b2d0cf5a558a7567985e5739c01e741e6d92","annotations":{"#
    + #""org.cncf.model.file.mediatype.untested":"false","org.cncf.model.file.metadata+json":"#
    + #""{\"name\":\"tiny.gguf\",\"mode\":420,\"uid\":0,\"gid\":0,\"size\":512,"#
    + #"\"mtime\":\"2025-01-02T03:04:05Z\",\"typeflag\":0}","org.cncf.model.filepath":"tiny.gguf"}}]}"#

  static let configV1 =
    #"{"config":{"format":"gguf","quantization":"MOSTLY_Q4_K_M","parameters":"12","architecture":"llama","#
    + #""size":"64B","gguf":{"general.architecture":"llama","general.file_type":"15","general.tags":"x, y","#
    + #""llama.context_length":"4096","llama.rope.freq_base":"10000.000000","#
    + #""tokenizer.chat_template":"\u003c|a|\u003e \u0026 b","tokenizer.ggml.add_bos_token":"true"},"#
    + #""context_size":4096},"descriptor":{"created":"2025-06-15T12:00:00Z"},"rootfs":{"type":"rootfs","diff_ids":"#
    + #"["sha256:3cc26814438446b63c08f00040a7b2d0cf5a558a7567985e5739c01e741e6d92"]}}"#
}

extension Folder {
  /// The model of the first vector.
  func packageV1() async throws -> ModelPackage {
    let weights = try write("tiny.gguf", try Vector.tinyGGUF())
    return try await ModelPackage.build(PackageRequest(gguf: weights, created: Vector.created))
  }
}

func bytes(of archive: ModelArchive) async throws -> [UInt8] {
  var bytes: [UInt8] = []
  try await archive.write { bytes += $0 }
  return bytes
}
