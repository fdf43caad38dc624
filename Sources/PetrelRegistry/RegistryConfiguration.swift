// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// How registries are reached.
package struct RegistryConfiguration: Sendable {
  /// Registries (host, or host with port) that are spoken to over plain HTTP.
  package var insecureRegistries: Set<String>
  /// Every registry is spoken to over plain HTTP.
  package var isInsecure: Bool
  /// Tried in this order before Docker Hub itself, for pulls only and not when plain HTTP is in force.
  package var mirrors: [RegistryEndpoint]
  /// Lets a registry on the public internet name a token server in a private network.
  package var allowsPrivateRealms: Bool
  package var retryPolicy: RetryPolicy
  /// A transfer in which no byte moves for this long is given up.
  package var stallTimeout: Duration
  /// How long a registry may take to confirm an upload after its last byte: it may have to hash or move the blob.
  package var commitTimeout: Duration
  package var userAgent: String

  package init(
    insecureRegistries: Set<String> = [],
    isInsecure: Bool = false,
    mirrors: [RegistryEndpoint] = [],
    allowsPrivateRealms: Bool = false,
    retryPolicy: RetryPolicy = RetryPolicy(),
    stallTimeout: Duration = .seconds(60),
    commitTimeout: Duration = .seconds(600),
    userAgent: String = "petrel"
  ) {
    self.insecureRegistries = insecureRegistries
    self.isInsecure = isInsecure
    self.mirrors = mirrors
    self.allowsPrivateRealms = allowsPrivateRealms
    self.retryPolicy = retryPolicy
    self.stallTimeout = stallTimeout
    self.commitTimeout = commitTimeout
    self.userAgent = userAgent
  }

  /// Adds what the environment says: `INSECURE_REGISTRY` (exactly `true`) and `MODEL_RUNNER_REGISTRY_MIRRORS`
  /// (comma-separated URLs). Mirrors that are not URLs are left out.
  package mutating func apply(environment: [String: String]) {
    if environment["INSECURE_REGISTRY"] == "true" { isInsecure = true }
    let list = environment["MODEL_RUNNER_REGISTRY_MIRRORS"] ?? ""
    mirrors += list.split(separator: ",").compactMap { entry in
      let text = String(entry.filter { !$0.isWhitespace && $0 != "\"" && $0 != "'" })
      return RegistryEndpoint(mirror: text)
    }
  }

  /// Whether `registry` is spoken to over plain HTTP: loopback, names under `.local`, and what is configured.
  package func isInsecure(_ registry: String) -> Bool {
    let host = registry.hasPrefix("[") ? registry : String(registry.prefix { $0 != ":" })
    return isInsecure || insecureRegistries.contains(registry) || insecureRegistries.contains(host)
      || ModelReference.isLoopback(registry) || host.hasSuffix(".local")
  }

  /// The registry that `reference` names.
  package func endpoint(for reference: ModelReference) -> RegistryEndpoint {
    RegistryEndpoint(registry: reference.registry, isInsecure: isInsecure(reference.registry))
  }

  /// Where `reference` may be read, in the order in which to try.
  package func readEndpoints(for reference: ModelReference) -> [RegistryEndpoint] {
    let origin = endpoint(for: reference)
    guard reference.registry == ModelReference.dockerHub, origin.scheme == "https" else { return [origin] }
    return mirrors + [origin]
  }
}
