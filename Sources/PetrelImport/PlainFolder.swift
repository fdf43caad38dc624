// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// Models in folders `<publisher>/<repository>/<files>`, as LM Studio keeps them; or in one folder.
package struct PlainFolder: Sendable {
  package let root: FilePath

  package init(root: FilePath) { self.root = root }

  package func findings() -> Findings {
    var findings = Findings()
    let files = LocalFolder.files(below: root)
    var folders: [String: [LocalFolder.Entry]] = [:]
    for file in files {
      let parts = file.name.split(separator: "/")
      let depth = min(2, parts.count - 1)
      let folder = parts[..<depth].joined(separator: "/")
      folders[folder, default: []].append(
        LocalFolder.Entry(
          name: parts[depth...].joined(separator: "/"), path: file.path, size: file.size, modified: file.modified))
    }
    for (folder, entries) in folders.sorted(by: { $0.key < $1.key }) {
      // Files that lie in the folder itself, or one level below it, have no publisher.
      let name = folder.isEmpty ? root.lastComponent?.string ?? "models" : folder
      let repository = name.contains("/") ? name : "local/\(name)"
      findings.models += ModelFolder(repository: repository, entries: entries, hasDigests: false).models()
        .filter { !$0.files.isEmpty }
    }
    return findings
  }
}
