// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension LlamaCpp {
  /// Where all installed versions are.
  package var installationsFolder: FilePath {
    installDirectory(version: Self.pinnedVersion).removingLastComponent()
  }

  /// The folders of the installed versions.
  package func installations() -> [FilePath] { Executable.subdirectories(of: installationsFolder) }

  /// Those that ``locate()`` does not choose, beside the version that Petrel is tested with.
  package func unusedInstallations() -> [FilePath] {
    let used = try? locate()
    return installations().filter { folder in
      folder != installDirectory(version: Self.pinnedVersion) && used?.starts(with: folder) != true
    }
  }

  package func removeInstallation(_ folder: FilePath) throws(EngineError) {
    guard unusedInstallations().contains(folder) else { return }
    do {
      try FileManager.default.removeItem(atPath: folder.string)
    } catch {
      throw EngineError(.installFailed, "cannot remove \(folder): \(error)")
    }
  }
}
