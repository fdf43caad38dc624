// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The daemon's settings about the way to registries that can be given as flags.
struct RegistryOptions: ParsableArguments {
  @Option(help: ArgumentHelp("A proxy for http URLs: http://[user:password@]host:port.", valueName: "url"))
  var httpProxy: String?

  @Option(help: ArgumentHelp("A proxy for https URLs.", valueName: "url"))
  var httpsProxy: String?

  @Option(help: ArgumentHelp("A host, address or network to reach directly; may be repeated.", valueName: "host"))
  var noProxy: [String] = []

  @Option(help: ArgumentHelp("A PEM file with authorities to trust besides the system's.", valueName: "file"))
  var caBundle: String?

  @Option(help: ArgumentHelp("A mirror of Docker Hub; may be repeated.", valueName: "url"))
  var registryMirrors: [String] = []

  @Option(help: ArgumentHelp("A registry to speak plain HTTP with; may be repeated.", valueName: "host"))
  var insecureRegistries: [String] = []

  /// By the settings' keys.
  var flags: [String: [String]] {
    let single = ["http-proxy": httpProxy, "https-proxy": httpsProxy, "ca-bundle": caBundle]
    let lists = [
      "no-proxy": noProxy, "registry-mirrors": registryMirrors, "insecure-registries": insecureRegistries,
    ]
    return single.compactMapValues { $0.map { [$0] } }.merging(lists.filter { !$0.value.isEmpty }) { $1 }
  }
}
