// SPDX-License-Identifier: Apache-2.0

import PetrelTar
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The programs and libraries of an image, layer put upon layer. Contents lie in numbered files of a folder; no name of
/// the image is ever used as a path on this machine.
///
/// Source of the whiteouts: OCI image specification, `layer.md`.
struct ImageFiles {
  enum Node: Equatable {
    /// Where its content lies.
    case file(FilePath)
    /// A symbolic link's target as it was written.
    case link(String)
  }

  private static let maximumEntries = 1_000_000
  private static let maximumFiles = 20_000
  private static let whiteout = ".wh."
  private static let opaque = ".wh..wh..opq"

  private let folder: FilePath
  /// Bytes that may yet be written.
  private var allowance: Int64
  private var entries = 0
  private var stored = 0
  /// By path without a slash at its beginning.
  private(set) var nodes: [String: Node] = [:]

  /// - Parameters:
  ///   - folder: for the contents; must be there.
  ///   - limit: bytes that all of them may have.
  init(folder: FilePath, limit: Int64) {
    self.folder = folder
    allowance = limit
  }

  /// Puts a layer on top.
  ///
  /// - Parameter read: calls its argument with the bytes of the layer's tar archive, in order.
  mutating func apply(_ read: (_ consume: ([UInt8]) throws -> Void) throws -> Void) throws {
    var layer = Layer()
    var reader = TarReader()
    var output: FileDescriptor?
    defer { try? output?.close() }
    try read { bytes in
      for event in try reader.consume(bytes) {
        switch event {
        case .begin(let entry): output = try begin(entry, in: &layer)
        case .bytes(let part):
          guard let output else { continue }
          allowance -= Int64(part.count)
          guard allowance >= 0 else { throw EngineImageError(.tooLarge, "the image's programs are too large") }
          try output.writeAll(part)
        case .end:
          try output?.close()
          output = nil
        case .endOfArchive: break
        }
      }
    }
    try reader.finish()
    merge(layer)
  }

  private struct Layer {
    var nodes: [String: Node] = [:]
    /// Paths that are gone with all that was below them in the layers before.
    var removed: Set<String> = []
  }

  private mutating func begin(_ entry: TarReader.Entry, in layer: inout Layer) throws -> FileDescriptor? {
    entries += 1
    guard entries <= Self.maximumEntries else { throw EngineImageError(.tooLarge, "the image has too many files") }
    guard let path = Self.normalized(entry.name) else { return nil }
    let name = Self.lastComponent(path)
    let parent = String(path.dropLast(name.utf8.count + 1))
    if name == Self.opaque {
      layer.removed.insert(parent + "/")
      return nil
    }
    if name.hasPrefix(Self.whiteout) {
      let hidden = name.dropFirst(Self.whiteout.count)
      layer.removed.insert(parent.isEmpty ? String(hidden) : "\(parent)/\(hidden)")
      return nil
    }
    // A file in the place of another, or of a folder.
    if entry.kind != .directory { layer.removed.insert(path) }
    guard EngineFileNames.isWanted(name) else { return nil }
    switch (entry.kind, entry.link) {
    case (_, .symbolic(let target)?): layer.nodes[path] = .link(target)
    case (_, .hard(let target)?):
      if let target = Self.normalized(target) { layer.nodes[path] = layer.nodes[target] ?? nodes[target] }
    case (.file, nil):
      stored += 1
      guard stored <= Self.maximumFiles else { throw EngineImageError(.tooLarge, "the image has too many programs") }
      let content = folder.appending(String(stored))
      layer.nodes[path] = .file(content)
      return try FileDescriptor.open(
        content, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
    default: break
    }
    return nil
  }

  private mutating func merge(_ layer: Layer) {
    if !layer.removed.isEmpty {
      nodes = nodes.filter { path, _ in
        // The path itself and all folders on the way to it.
        var end = path.endIndex
        while true {
          if layer.removed.contains(String(path[..<end])) { return false }
          guard let slash = path[..<end].lastIndex(of: "/") else { break }
          if layer.removed.contains(String(path[...slash])) { return false }
          end = slash
        }
        return !layer.removed.contains("/")
      }
    }
    nodes.merge(layer.nodes) { $1 }
  }

  // MARK: Paths

  /// A path from the image's root, without `.`, empty parts and a slash at its beginning. Nil for one that leads out of
  /// the root, and for the root itself.
  static func normalized(_ path: String, from folder: String = "") -> String? {
    var parts = path.hasPrefix("/") ? [] : folder.split(separator: "/").map(String.init)
    for part in path.split(separator: "/") where part != "." {
      if part == ".." {
        guard parts.popLast() != nil else { return nil }
      } else {
        parts.append(String(part))
      }
    }
    return parts.isEmpty ? nil : parts.joined(separator: "/")
  }

  static func lastComponent(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// The content of a file, links followed. Where a link leads through a folder that is a link itself, its target is
  /// found by its name.
  func content(of path: String) -> FilePath? {
    var path = path
    for _ in 0..<16 {
      switch nodes[path] {
      case .file(let content): return content
      case .link(let target):
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        guard let next = Self.normalized(target, from: folder) else { return nil }
        path = nodes[next] != nil ? next : self.path(named: Self.lastComponent(next)) ?? next
      case nil: return nil
      }
    }
    return nil
  }

  /// The path of a library by its file name, those in `folder` first, then the shortest.
  func path(named name: String, nextTo folder: String? = nil) -> String? {
    let suffix = "/" + name
    if let folder, nodes[folder + suffix] != nil { return folder + suffix }
    return nodes.keys.filter { $0 == name || $0.hasSuffix(suffix) }
      .min { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
  }
}

/// Which of an image's files an engine may be made of.
enum EngineFileNames {
  static let server = "llama-server"
  static let workers = ["ggml-rpc-server", "rpc-server"]

  static func isWanted(_ name: String) -> Bool { name == server || workers.contains(name) || isLibrary(name) }

  /// `libx.so`, `libx.so.1.2`.
  static func isLibrary(_ name: String) -> Bool {
    (name.hasSuffix(".so") || name.contains(".so.")) && name.utf8.allSatisfy(isPlain) && !name.hasPrefix(".")
  }

  /// What needs no quotes, wherever it is written.
  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || "._+-".utf8.contains(byte)
  }
}
