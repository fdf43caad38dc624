// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A server that speaks the distribution API: a registry, or a mirror of Docker Hub.
package struct RegistryEndpoint: Hashable, Sendable {
  /// `https` or `http`.
  package let scheme: String
  /// Host, with port when one is given: `registry-1.docker.io`, `[::1]:5000`.
  package let authority: String
  /// What stands before `/v2`, without a slash at its end: empty for registries.
  package let pathPrefix: String
  /// The name under which credentials are kept: `docker.io`, `ghcr.io`, `localhost:5000`.
  package let registry: String
  /// The `ns` parameter that mirrors get, to know whose content is meant.
  package let namespace: String?

  /// The registry itself. Docker Hub's API lives at `registry-1.docker.io`.
  package init(registry: String, isInsecure: Bool) {
    scheme = isInsecure ? "http" : "https"
    authority = registry == ModelReference.dockerHub ? "registry-1.docker.io" : registry
    pathPrefix = ""
    self.registry = registry
    namespace = nil
  }

  /// A mirror of Docker Hub: `https://m.example.com/path`, `m.example.com:5000`. A trailing `/v2` is tolerated.
  /// Nil when `text` is not such a URL.
  package init?(mirror text: String) {
    let hasScheme = text.contains("://")
    guard let url = URL(string: hasScheme ? text : "https://" + text), let host = url.host, !host.isEmpty else {
      return nil
    }
    guard let scheme = url.scheme?.lowercased(), scheme == "https" || scheme == "http" else { return nil }
    guard url.user == nil, url.query == nil else { return nil }
    let bracketed = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
    self.scheme = scheme
    authority = url.port.map { "\(bracketed):\($0)" } ?? bracketed
    var components = url.path.split(separator: "/")
    if components.last == "v2" { components.removeLast() }
    pathPrefix = components.map { "/" + $0 }.joined()
    registry = authority
    namespace = ModelReference.dockerHub
  }

  /// The host without port.
  var host: String { URL(string: "\(scheme)://\(authority)")?.host ?? authority }

  /// `https://registry-1.docker.io/v2/ai/smollm2/manifests/latest`.
  package func url(_ repository: String, _ path: String) throws(RegistryError) -> URL {
    let query = namespace.map { "?ns=" + $0 } ?? ""
    guard let url = URL(string: "\(scheme)://\(authority)\(pathPrefix)/v2/\(repository)/\(path)\(query)") else {
      throw RegistryError(.invalidResponse, "cannot make a URL for \(quoted(repository)) at \(quoted(authority))")
    }
    return url
  }
}
