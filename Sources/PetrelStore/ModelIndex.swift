// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Contents of `models.json`: which models there are, their tags and their blobs, in the order in which they came.
///
/// Texts are kept as they were found: another program may have written them.
struct ModelIndex: Hashable, Sendable {
  struct Entry: Hashable, Sendable {
    /// The manifest's digest.
    var id: String
    /// Fully qualified.
    var tags: [String]
    /// Digests of the layers in order, then of the config.
    var files: [String]

    var digest: Digest? { Digest(id) }
  }

  /// How a model was found.
  enum Match: Hashable {
    case content
    /// The tag as it stands in the index.
    case tag(String)
  }

  var entries: [Entry] = []

  /// The first entry that `selector` names: by ID, whole or short, by digest, or by tag.
  func find(_ selector: ModelSelector) -> (entry: Entry, match: Match)? {
    if let hex = selector.idHex, let entry = entries.first(where: { $0.id.hasPrefix("sha256:" + hex) }) {
      return (entry, .content)
    }
    guard let reference = selector.reference else { return nil }
    if let digest = reference.digest { return entry(digest).map { ($0, .content) } }
    return holder(of: reference.description)
  }

  func entry(_ id: Digest) -> Entry? {
    let id = id.description
    return entries.first { $0.id == id }
  }

  /// The model whose tag, without registry, folders and version, is `name`; or whose ID starts with `name`, given as
  /// `sha256:` and some digits, if it has a tag.
  func findByPartialName(_ name: String) -> Entry? {
    let isPartialID = name.hasPrefix("sha256:") && name.utf8.count > 7
    return entries.first { entry in
      entry.tags.contains { Self.lastComponent(of: $0) == name }
        || (isPartialID && !entry.tags.isEmpty && entry.id.hasPrefix(name))
    }
  }

  /// Whether `other` has all of this, and maybe more.
  func isPart(of other: ModelIndex) -> Bool {
    entries.allSatisfy { entry in
      other.entries.contains { $0.id == entry.id && $0.files == entry.files && Set(entry.tags).isSubset(of: $0.tags) }
    }
  }

  /// Adds a model unless it is there.
  mutating func add(id: Digest, files: [Digest]) {
    guard entry(id) == nil else { return }
    entries.append(Entry(id: id.description, tags: [], files: files.map(\.description)))
  }

  /// Gives the model the tag and takes it from any other. False when there is no such model.
  mutating func setTag(_ tag: ModelReference, on id: Digest) -> Bool {
    guard let index = entries.firstIndex(where: { $0.id == id.description }) else { return false }
    let name = tag.description
    for other in entries.indices where other != index {
      entries[other].tags.removeAll { Self.canonical($0) == name }
    }
    if !entries[index].tags.contains(where: { Self.canonical($0) == name }) { entries[index].tags.append(name) }
    return true
  }

  mutating func removeTag(_ tag: String, from id: String) {
    guard let index = entries.firstIndex(where: { $0.id == id }) else { return }
    entries[index].tags.removeAll { $0 == tag }
  }

  /// Removes the model and returns what the index said of it.
  mutating func remove(_ id: String) -> Entry? {
    entries.firstIndex { $0.id == id }.map { entries.remove(at: $0) }
  }

  private func holder(of tag: String) -> (entry: Entry, match: Match)? {
    // Tags are nearly always stored in the canonical form: look for that first, parsing all of them is slower.
    for isMatch in [{ $0 == tag }, { Self.canonical($0) == tag }] as [(String) -> Bool] {
      for entry in entries {
        if let found = entry.tags.first(where: isMatch) { return (entry, .tag(found)) }
      }
    }
    return nil
  }

  private static func canonical(_ tag: String) -> String {
    (try? ModelReference(parsing: tag))?.description ?? tag
  }

  private static func lastComponent(of tag: String) -> Substring {
    let last = tag.split(separator: "/").last ?? ""
    return last.prefix { $0 != ":" }
  }
}

extension ModelIndex {
  /// Reads `models.json`. Lists may be `null`; tags of stores from before `hf.co` was an alias are brought up to date.
  init(decoding bytes: [UInt8]) throws {
    let file = try JSONDecoder().decode(IndexFileView.self, from: Data(bytes))
    entries = (file.models ?? []).map { model in
      let tags = (model.tags ?? []).map { tag in
        tag.hasPrefix("hf.co/") ? ModelReference.huggingFace + tag.dropFirst(5) : tag
      }
      return Entry(id: model.id, tags: tags, files: model.files ?? [])
    }
  }

  /// The bytes that Docker Model Runner writes for this index: indented by two, untagged models with `null`.
  func serialized() -> [UInt8] {
    func list(_ texts: [String]) -> JSONNode { texts.isEmpty ? .null : .array(texts.map(JSONNode.string)) }
    let models = entries.map { entry in
      JSONNode.object([
        JSONMember("id", .string(entry.id)), JSONMember("tags", list(entry.tags)),
        JSONMember("files", list(entry.files)),
      ])
    }
    return Array(JSONNode.object([JSONMember("models", .array(models))]).pretty(indent: "  ").utf8)
  }
}

private struct IndexFileView: Decodable {
  struct Model: Decodable {
    var id: String
    var tags: [String]?
    var files: [String]?
  }

  var models: [Model]?
}
