// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI

import struct Crypto.SHA256

/// A small model with random content, whole and valid but for its weights, which no engine could load.
package struct FakeModel: Sendable {
  package let manifest: Manifest
  package let manifestBytes: [UInt8]
  package let digest: Digest
  package let configBytes: [UInt8]
  /// Content of the layers, in their order.
  package let layerContents: [ByteBuffer]

  package var config: Descriptor { manifest.config }
  package var layers: [Descriptor] { manifest.layers }

  /// - Parameter layerSizes: bytes of each layer. The first is a GGUF, the others are plain files.
  package init(layerSizes: [Int]) throws {
    layerContents = layerSizes.map(Self.randomContent)
    let layers = layerContents.enumerated().map { index, content in
      Descriptor(
        mediaType: index == 0 ? MediaType.gguf : MediaType.modelFile, size: Int64(content.readableBytes),
        digest: Digest(of: content),
        annotations: [LayerAnnotation.filePath: index == 0 ? "model.gguf" : "file-\(index).bin"])
    }
    let file = DockerConfigFile(
      config: ModelConfig(format: "gguf", parameters: "12", architecture: "llama"), created: "2025-06-15T12:00:00Z",
      diffIDs: layers.map(\.digest))
    configBytes = try file.serialized()
    let config = Descriptor(
      mediaType: MediaType.configV01, size: Int64(configBytes.count), digest: Digest(of: configBytes))
    manifest = Manifest(config: config, layers: layers)
    manifestBytes = try manifest.serialized()
    digest = Digest(of: manifestBytes)
  }

  private static func randomContent(_ size: Int) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(size + 8)
    var generator = SystemRandomNumberGenerator()
    // One random block over and over, numbered so that no two are the same.
    let block = (0..<8192).map { _ in generator.next() as UInt64 }
    let bytes = block.withUnsafeBytes { Array($0) }
    var number: UInt64 = 0
    while buffer.readableBytes < size {
      buffer.writeInteger(number)
      buffer.writeBytes(bytes)
      number += 1
    }
    return buffer.getSlice(at: 0, length: size) ?? ByteBuffer()
  }
}

extension Digest {
  package init(of buffer: ByteBuffer) {
    var hash = SHA256()
    buffer.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
    self.init(hash.finalize())
  }
}
