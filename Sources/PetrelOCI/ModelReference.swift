// SPDX-License-Identifier: Apache-2.0

/// A fully qualified name of a model in a registry: `docker.io/ai/smollm2:latest`, `ghcr.io/org/m@sha256:…`.
///
/// One normaliser serves every surface. Missing parts default to Docker Hub, the organisation `ai` and the tag
/// `latest`; the name is lower-cased, the tag keeps its case; a digest wins over a tag.
/// Grammar: `distribution/reference`, as Docker uses it.
package struct ModelReference: Hashable, Sendable, CustomStringConvertible {
  package enum Version: Hashable, Sendable {
    case tag(String)
    case digest(Digest)
  }

  package static let dockerHub = "docker.io"
  package static let huggingFace = "huggingface.co"
  package static let defaultOrganization = "ai"
  package static let defaultTag = "latest"

  /// Host, with port when one is given: `docker.io`, `localhost:5000`, `[::1]:5000`.
  package let registry: String
  /// Lower-case path: `ai/smollm2`.
  package let repository: String
  package let version: Version

  package init(registry: String, repository: String, version: Version) {
    self.registry = registry
    self.repository = repository
    self.version = version
  }

  /// Normalises what a person or a client wrote.
  ///
  /// - Parameter defaultRegistry: used when `text` names no registry.
  package init(parsing text: String, defaultRegistry: String = ModelReference.dockerHub) throws(OCIError) {
    func refuse(_ reason: String) -> OCIError {
      OCIError(.invalidReference, "invalid reference \(quoted(text)): \(reason)")
    }
    let folded = Self.foldingRevision(text)
    var rest = folded[...]
    guard !rest.isEmpty else { throw refuse("it is empty") }

    var digest: Digest?
    if let at = rest.firstIndex(of: "@") {
      let suffix = String(rest[rest.index(after: at)...])
      guard let parsed = Digest(suffix) else { throw refuse("want @sha256: and 64 lower-case hex digits") }
      digest = parsed
      rest = rest[..<at]
    }
    var tag = Self.defaultTag
    if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
      let suffix = rest[rest.index(after: colon)...]
      if !suffix.isEmpty {
        guard Self.isTag(suffix) else { throw refuse("\(quoted(String(suffix))) is not a valid tag") }
        tag = String(suffix)
      }
      rest = rest[..<colon]
    }

    guard !(rest.utf8.count == 64 && rest.utf8.allSatisfy(isLowerHex)) else {
      throw refuse("cannot specify 64-byte hexadecimal strings")
    }

    var components = rest.lowercased().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    var registry = Self.canonicalRegistry(defaultRegistry.lowercased())
    var isRegistryNamed = false
    if components.count > 1, Self.isRegistry(components[0]) {
      registry = Self.canonicalRegistry(components.removeFirst())
      isRegistryNamed = true
      guard Self.isHost(registry) else { throw refuse("\(quoted(registry)) is not a valid registry host") }
    }
    if components.count == 1, !isRegistryNamed || registry == Self.dockerHub {
      components.insert(Self.defaultOrganization, at: 0)
    }
    guard components.allSatisfy(Self.isRepositoryComponent) else {
      throw refuse("a name is made of a-z and 0-9, joined by '.', '_', '__' or '-', its parts by '/'")
    }
    let repository = components.joined(separator: "/")
    guard repository.utf8.count <= 255 else { throw refuse("the name is longer than 255 characters") }
    self.init(registry: registry, repository: repository, version: digest.map(Version.digest) ?? .tag(tag))
  }

  package var tag: String? {
    if case .tag(let tag) = version { tag } else { nil }
  }

  package var digest: Digest? {
    if case .digest(let digest) = version { digest } else { nil }
  }

  /// `docker.io/ai/smollm2:latest`: the form in which tags are stored and listed.
  package var description: String {
    switch version {
    case .tag(let tag): "\(registry)/\(repository):\(tag)"
    case .digest(let digest): "\(registry)/\(repository)@\(digest)"
    }
  }

  /// The name without registry and tag parts that go without saying: `smollm2`, `myorg/x:v1`.
  package var displayName: String { Self.displayName(of: description) }

  /// Shortens a stored tag for people: without `docker.io/`, then `ai/`, and `:latest`, as far as the rest still leads
  /// back to the same reference. Text that is no reference stays as it is.
  ///
  /// - Parameter defaultRegistry: goes without saying too.
  package static func displayName(
    of tag: String, defaultRegistry: String = ModelReference.dockerHub
  ) -> String {
    guard let reference = try? ModelReference(parsing: tag, defaultRegistry: defaultRegistry) else { return tag }
    var name = tag.hasSuffix(":latest") ? tag.dropLast(7) : tag[...]
    var candidates = [name]
    for prefix in [defaultRegistry + "/", "index.docker.io/", "docker.io/", "ai/"] where name.hasPrefix(prefix) {
      name = name.dropFirst(prefix.count)
      candidates.append(name)
    }
    // What looks like an ID would be taken for one.
    let shortest = candidates.reversed().first { candidate in
      let selector = try? ModelSelector(parsing: String(candidate), defaultRegistry: defaultRegistry)
      return selector?.idHex == nil && selector?.reference == reference
    }
    return shortest.map(String.init) ?? tag
  }

  /// Whether the registry is this machine, where plain HTTP is the default.
  package var isLoopbackRegistry: Bool { Self.isLoopback(registry) }

  package static func isLoopback(_ registry: String) -> Bool {
    let host =
      registry.hasPrefix("[")
      ? String(registry.dropFirst().prefix { $0 != "]" }) : String(registry.prefix { $0 != ":" })
    return host == "localhost" || host == "::1"
      || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
  }

  static func trimmed(_ text: String) -> Substring {
    var text = Substring(text)
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }

  private static func isRegistry(_ component: String) -> Bool {
    component.contains(".") || component.contains(":") || component == "localhost"
  }

  /// Names of one registry that people write in several ways.
  static func canonicalRegistry(_ host: String) -> String {
    switch host {
    case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com": dockerHub
    case "hf.co", "www.huggingface.co": huggingFace
    default: host
    }
  }

  private static func isHost(_ text: String) -> Bool {
    var rest = Substring(text)
    if rest.hasPrefix("[") {
      guard let end = rest.firstIndex(of: "]") else { return false }
      guard rest[..<end].dropFirst().allSatisfy({ $0.isHexDigit || $0 == ":" }) else { return false }
      rest = rest[rest.index(after: end)...]
      if rest.isEmpty { return true }
    } else {
      let host = rest.prefix { $0 != ":" }
      let labels = host.split(separator: ".", omittingEmptySubsequences: false)
      guard labels.allSatisfy({ isHostLabel($0) }) else { return false }
      rest = rest[host.endIndex...]
      if rest.isEmpty { return true }
    }
    guard rest.first == ":" else { return false }
    return UInt16(rest.dropFirst()).map { $0 > 0 } ?? false
  }

  private static func isHostLabel(_ label: Substring) -> Bool {
    guard let first = label.utf8.first, let last = label.utf8.last else { return false }
    return isAlphanumeric(first) && isAlphanumeric(last) && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2D }
  }

  private static func isRepositoryComponent(_ component: String) -> Bool {
    let bytes = Array(component.utf8)
    guard let first = bytes.first, let last = bytes.last, isAlphanumeric(first), isAlphanumeric(last) else {
      return false
    }
    var index = 0
    while index < bytes.count {
      if isAlphanumeric(bytes[index]) {
        index += 1
        continue
      }
      let separator = bytes[index...].prefix { !isAlphanumeric($0) }
      let valid =
        separator.elementsEqual([0x2E]) || separator.elementsEqual([0x5F]) || separator.elementsEqual([0x5F, 0x5F])
        || separator.allSatisfy { $0 == 0x2D }
      guard valid else { return false }
      index = separator.endIndex
    }
    return true
  }

  private static func isTag(_ tag: Substring) -> Bool {
    guard let first = tag.utf8.first, tag.utf8.count <= 128 else { return false }
    func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F }
    return isWord(first) && tag.utf8.allSatisfy { isWord($0) || $0 == 0x2E || $0 == 0x2D }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
  }
}

extension ModelReference: Codable {
  package init(from decoder: any Decoder) throws {
    self = try ModelReference(parsing: try decoder.singleValueContainer().decode(String.self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
