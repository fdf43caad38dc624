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
  /// Hosts, with or without port, that a registry on the internet may name as its token server, in redirects and for
  /// uploads though they are in a private network; `*` for all.
  package var allowedPrivateHosts: Set<String>
  package var retryPolicy: RetryPolicy
  /// A transfer in which no byte moves for this long is given up.
  package var stallTimeout: Duration
  /// How long a registry may take to confirm an upload after its last byte: it may have to hash or move the blob.
  package var commitTimeout: Duration
  package var userAgent: String
  /// Blobs that are larger are uploaded in chunks of this many bytes, where the registry takes chunks.
  package var chunkSize: Int64
  /// Whether there are certificates for a registry: then it is spoken to over TLS where it would not be by default.
  package var hasCertificates: @Sendable (String) -> Bool

  package init(
    insecureRegistries: Set<String> = [],
    isInsecure: Bool = false,
    mirrors: [RegistryEndpoint] = [],
    allowedPrivateHosts: Set<String> = [],
    retryPolicy: RetryPolicy = RetryPolicy(),
    stallTimeout: Duration = .seconds(60),
    commitTimeout: Duration = .seconds(600),
    userAgent: String = "petrel",
    chunkSize: Int64 = 32 * 1024 * 1024,
    hasCertificates: @escaping @Sendable (String) -> Bool = { _ in false }
  ) {
    self.insecureRegistries = insecureRegistries
    self.isInsecure = isInsecure
    self.mirrors = mirrors
    self.allowedPrivateHosts = allowedPrivateHosts
    self.retryPolicy = retryPolicy
    self.stallTimeout = stallTimeout
    self.commitTimeout = commitTimeout
    self.userAgent = userAgent
    self.chunkSize = chunkSize
    self.hasCertificates = hasCertificates
  }

  /// Whether `registry` is spoken to over plain HTTP: what is configured, and where there are no certificates loopback
  /// and names under `.local`.
  package func isInsecure(_ registry: String) -> Bool {
    let host = registry.hasPrefix("[") ? registry : String(registry.prefix { $0 != ":" })
    return isInsecure || insecureRegistries.contains(registry) || insecureRegistries.contains(host)
      || ((ModelReference.isLoopback(registry) || host.hasSuffix(".local")) && !hasCertificates(registry))
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
