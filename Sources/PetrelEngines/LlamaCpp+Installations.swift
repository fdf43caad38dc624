// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension LlamaCpp {
  /// llama.cpp's own server image of build b11176, for processors, on amd64 and arm64. About as old as the package of
  /// ``pinnedVersion``.
  package static let officialImage =
    "ghcr.io/ggml-org/llama.cpp@sha256:6257697a7f5d034b8fb499ddb07af3e250506352f94102054252a23f3b85e0af"

  /// Whether ``officialImage`` is what a first installation tries: its programs are Linux'.
  package var takesOfficialImage: Bool {
    #if os(Linux) && (arch(x86_64) || arch(arm64))
      installedVersions.isEmpty
    #else
      false
    #endif
  }

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
