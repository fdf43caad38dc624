// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The models in the cache of Hugging Face's tools: `models--<owner>--<repo>/snapshots/<commit>/…`, links to
/// `models--<owner>--<repo>/blobs/<hash>`.
///
/// Source: huggingface_hub, "Understand caching".
package struct HubCache: Sendable {
  private static let prefix = "models--"

  package let root: FilePath

  package init(root: FilePath) { self.root = root }

  package static func isCache(_ path: FilePath) -> Bool {
    LocalFolder.names(in: path).contains { $0.hasPrefix(prefix) }
  }

  package func findings() -> Findings {
    var findings = Findings()
    for name in LocalFolder.names(in: root) where name.hasPrefix(Self.prefix) {
      let parts = name.dropFirst(Self.prefix.count).split(separator: "-", omittingEmptySubsequences: false)
      // The name may hold two hyphens itself; the first pair ends the owner.
      let joined = parts.joined(separator: "-")
      let repository = joined.firstRange(of: "--").map { "\(joined[..<$0.lowerBound])/\(joined[$0.upperBound...])" }
      guard let snapshot = snapshot(of: root.appending(name)) else {
        findings.skipped.append("\(repository ?? joined): its download has not begun or was removed")
        continue
      }
      let models = ModelFolder(
        repository: repository ?? joined, entries: LocalFolder.files(below: snapshot), hasDigests: true
      ).models().filter { !$0.files.isEmpty }
      findings.models += models
      if models.isEmpty { findings.skipped.append("\(repository ?? joined): no whole GGUF or safetensors weights") }
    }
    return findings
  }

  /// That of the main branch, else the one that was changed last.
  private func snapshot(of folder: FilePath) -> FilePath? {
    let snapshots = folder.appending("snapshots")
    let main = LocalFolder.content(folder.appending("refs").appending("main")).map {
      String(decoding: $0, as: UTF8.self)
    }
    let names = LocalFolder.names(in: snapshots)
    if let main, let name = names.first(where: { main.hasPrefix($0) }) { return snapshots.appending(name) }
    return names.map { snapshots.appending($0) }.max { first, second in
      func changed(_ path: FilePath) -> Int64 { (try? path.stat()).map(LocalFolder.modified) ?? 0 }
      return changed(first) < changed(second)
    }
  }
}
