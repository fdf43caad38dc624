// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Device files by which programs reach GPUs and other accelerators.
package enum GPUDevices {
  /// NVIDIA; Direct Rendering (AMD, Intel); AMD's compute interface; WSL; accelerators; Ascend.
  private static let prefixes = ["nvidia", "dri", "kfd", "dxg", "accel", "davinci", "devmm_svm", "hisi_hdc"]

  /// Whether there may be one: each Mac has it, and no device file for it.
  package static var arePossible: Bool {
    #if canImport(Darwin)
      true
    #else
      !present().isEmpty
    #endif
  }

  /// Those that are here, by name.
  static func present(in folder: FilePath = "/dev") -> [FilePath] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.string)) ?? []
    return names.filter { name in prefixes.contains { name.hasPrefix($0) } }.sorted().map { folder.appending($0) }
  }
}
