// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelOCI
import PetrelRegistry
import Testing

@Suite struct RegistryConfigurationTests {
  @Test(arguments: [
    ("docker.io", "https://registry-1.docker.io/v2/ai/x/tags"), ("ghcr.io", "https://ghcr.io/v2/ai/x/tags"),
    ("localhost:5000", "http://localhost:5000/v2/ai/x/tags"), ("127.0.0.1:5000", "http://127.0.0.1:5000/v2/ai/x/tags"),
    ("[::1]:5000", "http://[::1]:5000/v2/ai/x/tags"), ("nas.local:5000", "http://nas.local:5000/v2/ai/x/tags"),
    ("localhost.example.com", "https://localhost.example.com/v2/ai/x/tags"),
    ("plain.example.com:80", "http://plain.example.com:80/v2/ai/x/tags"),
    ("other.example.com:81", "http://other.example.com:81/v2/ai/x/tags"),
    ("plain.example.com.evil.org", "https://plain.example.com.evil.org/v2/ai/x/tags"),
  ])
  func choosesScheme(_ registry: String, _ expected: String) throws {
    let configuration = RegistryConfiguration(insecureRegistries: ["plain.example.com", "other.example.com:81"])
    let reference = ModelReference(registry: registry, repository: "ai/x", version: .tag("v"))
    #expect(try configuration.endpoint(for: reference).url("ai/x", "tags").absoluteString == expected)
  }

  @Test func certificatesMeanTLS() {
    let configuration = RegistryConfiguration(
      insecureRegistries: ["plain.local"], hasCertificates: { ["127.0.0.1:5000", "plain.local"].contains($0) })
    #expect(!configuration.isInsecure("127.0.0.1:5000"))
    #expect(configuration.isInsecure("127.0.0.1:5001"))
    #expect(configuration.isInsecure("plain.local"))
  }

  @Test func readsMirrors() throws {
    let texts = [
      "https://m.example.com/artifactory/docker/", "m.example.com:5000", "http://a/v2/", "ftp://x", "127.0.0.1:1/p",
      "https://u:p@h",
    ]
    var configuration = RegistryConfiguration(mirrors: texts.compactMap { RegistryEndpoint(mirror: $0) })
    let hub = try ModelReference(parsing: "smollm2")
    let urls = try configuration.readEndpoints(for: hub).map { try $0.url("ai/smollm2", "blobs/x").absoluteString }
    #expect(
      urls == [
        "https://m.example.com/artifactory/docker/v2/ai/smollm2/blobs/x?ns=docker.io",
        "https://m.example.com:5000/v2/ai/smollm2/blobs/x?ns=docker.io", "http://a/v2/ai/smollm2/blobs/x?ns=docker.io",
        "https://127.0.0.1:1/p/v2/ai/smollm2/blobs/x?ns=docker.io",
        "https://registry-1.docker.io/v2/ai/smollm2/blobs/x",
      ])
    let other = try ModelReference(parsing: "ghcr.io/a/b")
    #expect(configuration.readEndpoints(for: other).count == 1)
    configuration.isInsecure = true
    #expect(configuration.readEndpoints(for: hub).map(\.scheme) == ["http"])
  }
}
