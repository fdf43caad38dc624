// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelEngineImages

@Suite struct ImageFilesTests {
  private func files(
    _ layers: [[TarArchive.Entry]], in folder: FilePath, limit: Int64 = 1 << 20
  ) throws -> ImageFiles {
    try folder.appending("contents/.keep").write("")
    var files = ImageFiles(folder: folder.appending("contents"), limit: limit)
    for layer in layers {
      let bytes = TarArchive.bytes(layer)
      // In pieces that end anywhere.
      try files.apply { consume in
        for start in stride(from: 0, to: bytes.count, by: 700) {
          try consume(Array(bytes[start..<min(start + 700, bytes.count)]))
        }
      }
    }
    return files
  }

  private func text(_ files: ImageFiles, _ path: String) -> String? { files.content(of: path)?.text }

  @Test func `Programs and libraries are kept, and nothing else`() async throws {
    try await withTemporaryFolder { folder in
      let files = try files(
        [
          [
            .directory("app/"), .file("app/llama-server", "server"), .file("./app/libx.so.1", "x"),
            .file("etc/passwd", "secret"), .file("usr/bin/tool", "tool"), .file("app/odd;name.so", "odd"),
          ]
        ], in: folder)
      #expect(files.nodes.keys.sorted() == ["app/libx.so.1", "app/llama-server"])
      #expect(text(files, "app/libx.so.1") == "x")
      #expect(folder.appending("contents").names == [".keep", "1", "2"])
    }
  }

  @Test func `Layers replace and remove what is below them`() async throws {
    try await withTemporaryFolder { folder in
      let files = try files(
        [
          [
            .file("app/llama-server", "old"), .file("app/liba.so", "a"), .file("lib/libb.so", "b"),
            .file("lib/deep/libc.so", "c"), .file("opt/x/libd.so", "d"), .file("opt/libe.so", "e"),
          ],
          [
            .file("app/llama-server", "new"), .file("app/.wh.liba.so", ""), .file("lib/.wh..wh..opq", ""),
            .file("lib/libf.so", "f"), .file("opt/.wh.x", ""),
          ],
        ], in: folder)
      #expect(files.nodes.keys.sorted() == ["app/llama-server", "lib/libf.so", "opt/libe.so"])
      #expect(text(files, "app/llama-server") == "new")
    }
  }

  @Test func `Links are followed within the image`() async throws {
    try await withTemporaryFolder { folder in
      let files = try files(
        [
          [
            .file("usr/lib/libx.so.1.2", "x"), .symbolicLink("usr/lib/libx.so.1", to: "libx.so.1.2"),
            .symbolicLink("app/libx.so", to: "/usr/lib/libx.so.1"), .hardLink("app/liby.so", to: "usr/lib/libx.so.1.2"),
            .symbolicLink("app/libup.so", to: "../usr/lib/libx.so.1"),
            // Through /lib, which is a link to usr/lib in most images.
            .symbolicLink("app/libz.so", to: "/lib/libx.so.1.2"), .symbolicLink("app/libloop.so", to: "libloop.so"),
            .symbolicLink("app/libout.so", to: "../../../../etc/passwd"),
          ]
        ], in: folder)
      for name in ["libx.so", "liby.so", "libup.so", "libz.so"] {
        #expect(text(files, "app/\(name)") == "x", "\(name)")
      }
      #expect(files.content(of: "app/libloop.so") == nil)
      #expect(files.content(of: "app/libout.so") == nil)
      #expect(files.path(named: "libx.so.1") == "usr/lib/libx.so.1")
      #expect(files.path(named: "libx.so", nextTo: "app") == "app/libx.so")
    }
  }

  @Test func `Names that lead out of the image are left out`() async throws {
    try await withTemporaryFolder { folder in
      let files = try files(
        [
          [
            .file("../../escape.so", "1"), .file("/abs/liba.so", "2"), .file("a/../libb.so", "3"),
            .hardLink("app/libh.so", to: "../../../etc/passwd"),
          ]
        ], in: folder)
      #expect(files.nodes.keys.sorted() == ["abs/liba.so", "libb.so"])
      #expect(folder.names == ["contents"])
    }
  }

  @Test func `What is larger than allowed is refused, and so is a layer that is cut short`() async throws {
    try await withTemporaryFolder { folder in
      let large = #expect(throws: EngineImageError.self) {
        _ = try files([[.file("app/liba.so", String(repeating: "x", count: 200))]], in: folder, limit: 100)
      }
      #expect(large?.code == .tooLarge)
      var cut = ImageFiles(folder: folder.appending("contents"), limit: 1 << 20)
      #expect(throws: (any Error).self) {
        try cut.apply { try $0(Array(TarArchive.bytes([.file("app/libz.so", "content")]).prefix(600))) }
      }
    }
  }
}
