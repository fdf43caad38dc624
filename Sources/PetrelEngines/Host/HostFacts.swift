// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#endif
#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a machine has that decides how fast an engine is.
struct HostFacts: Sendable, Equatable, CustomStringConvertible {
  /// Instruction sets that llama.cpp has code for, in the kernel's words.
  var features: [String]
  /// Names, or makers where there are no names.
  var gpus: [String]

  var description: String {
    let processor = features.isEmpty ? "unknown" : features.joined(separator: " ")
    return "CPU: \(processor); GPU: \(gpus.isEmpty ? "none found" : gpus.joined(separator: ", "))"
  }

  /// Those of x86-64, then those of ARM.
  private static let wanted = [
    "sse4_2", "avx", "f16c", "fma", "avx2", "bmi2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
    "amx_tile", "amx_int8",
    "asimd", "asimddp", "fphp", "sve", "sve2", "i8mm", "bf16", "sme",
  ]

  /// Source of the names: proc_cpuinfo(5); `Features` is what ARM calls its `flags`.
  static func features(ofCPUInfo text: String) -> [String] {
    for line in text.split(separator: "\n") where line.hasPrefix("flags") || line.hasPrefix("Features") {
      let words = Set(line.drop { $0 != ":" }.dropFirst().split(separator: " "))
      return wanted.filter { words.contains(Substring($0)) }
    }
    return []
  }

  /// Cards that the drivers of Linux tell of: NVIDIA's own by name, others by maker.
  ///
  /// - Parameter root: `/`, or another folder for tests.
  static func gpus(below root: FilePath) -> [String] {
    func names(_ path: String) -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: root.appending(path).string)) ?? []).sorted()
    }
    func text(_ path: String) -> String {
      String(decoding: FileManager.default.contents(atPath: root.appending(path).string) ?? Data(), as: UTF8.self)
    }
    let cards = names("proc/driver/nvidia/gpus").map { card in
      let lines = text("proc/driver/nvidia/gpus/\(card)/information").split(separator: "\n")
      let model = lines.first { $0.hasPrefix("Model:") }.map {
        $0.dropFirst("Model:".count).drop(while: \.isWhitespace)
      }
      return model.map(String.init) ?? "NVIDIA"
    }
    let makers = ["0x1002": "AMD", "0x8086": "Intel", "0x10de": "NVIDIA"]
    // `card0`, and not the connectors, which are called `card0-HDMI-A-1`.
    let others = names("sys/class/drm").filter { $0.hasPrefix("card") && !$0.contains("-") }.compactMap { card in
      makers[text("sys/class/drm/\(card)/device/vendor").trimmingNewline]
    }
    return cards + others.filter { cards.isEmpty || $0 != "NVIDIA" }
  }

  static var current: HostFacts {
    #if canImport(Darwin)
      let known = [
        ("hw.optional.AdvSIMD", "asimd"), ("hw.optional.arm.FEAT_DotProd", "asimddp"),
        ("hw.optional.arm.FEAT_FP16", "fphp"), ("hw.optional.arm.FEAT_I8MM", "i8mm"),
        ("hw.optional.arm.FEAT_BF16", "bf16"), ("hw.optional.arm.FEAT_SME", "sme"), ("hw.optional.avx2_0", "avx2"),
      ]
      return HostFacts(
        features: known.filter { isSet($0.0) }.map(\.1), gpus: isSet("hw.optional.arm64") ? ["Metal"] : [])
    #else
      let text = FileManager.default.contents(atPath: "/proc/cpuinfo") ?? Data()
      return HostFacts(features: features(ofCPUInfo: String(decoding: text, as: UTF8.self)), gpus: gpus(below: "/"))
    #endif
  }

  #if canImport(Darwin)
    private static func isSet(_ name: String) -> Bool {
      var value: Int32 = 0
      var size = MemoryLayout<Int32>.size
      return sysctlbyname(name, &value, &size, nil, 0) == 0 && value == 1
    }
  #endif
}

extension String {
  fileprivate var trimmingNewline: String { String(prefix { !$0.isNewline }) }
}
