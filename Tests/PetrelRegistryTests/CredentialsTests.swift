// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import PetrelRegistry
import SystemPackage
import Testing

@Suite struct CredentialsTests {
  /// A temporary folder with a Docker configuration and, perhaps, a credential helper.
  private struct Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "petrel-\(UUID().uuidString)")
    var config: FilePath { FilePath(path.appending(path: "config.json").path) }

    func write(_ text: String, to name: String = "config.json", mode: Int = 0o600) throws {
      let file = path.appending(path: name)
      try Data(text.utf8).write(to: file)
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
    }

    func credentials(_ environment: [String: String] = [:]) -> RegistryCredentials {
      RegistryCredentials(
        environment: environment.merging(["PATH": path.path + ":/usr/bin:/bin"]) { own, _ in own },
        configFile: config, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }
  }

  private func withFolder(_ body: (Folder) async throws -> Void) async throws {
    let folder = Folder()
    try FileManager.default.createDirectory(at: folder.path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder.path) }
    try await body(folder)
  }

  private static let user = RegistryCredential.basic(user: "user", password: "pa:ss")
  /// Base64 of `user:pa:ss`.
  private static let auth = "dXNlcjpwYTpzcw=="

  @Test func missingFileMeansAnonymous() async throws {
    try await withFolder { folder in
      let found = try await folder.credentials().credential(for: "ghcr.io")
      #expect(found == .anonymous)
    }
  }

  @Test(arguments: ["", "{", "[]", #"{"auths": 1}"#, #"{"auths": {"ghcr.io": {"auth": 1}}}"#])
  func malformedFileIsAnError(_ text: String) async throws {
    try await withFolder { folder in
      try folder.write(text)
      let error = await expectRegistryError(.invalidCredentialsFile) {
        try await folder.credentials().credential(for: "ghcr.io")
      }
      #expect(error?.message.contains(folder.config.string.prefix(30)) == true)
    }
  }

  @Test(arguments: ["!!!!", "dXNlcg=="])
  func badAuthIsAnErrorOnlyWhereItIsUsed(_ auth: String) async throws {
    try await withFolder { folder in
      try folder.write(#"{"auths": {"ghcr.io": {"auth": "\#(auth)"}}}"#)
      let credentials = folder.credentials()
      await expectRegistryError(.invalidCredentialsFile) { try await credentials.credential(for: "ghcr.io") }
      #expect(try await credentials.credential(for: "quay.io") == .anonymous)
    }
  }

  @Test(arguments: [
    ("https://index.docker.io/v1/", "docker.io", true), ("docker.io", "docker.io", true),
    ("registry-1.docker.io", "docker.io", true), ("https://ghcr.io", "ghcr.io", true),
    ("http://Ghcr.io/v2/", "ghcr.io", true), ("localhost:5000", "localhost:5000", true),
    ("localhost", "localhost:5000", false), ("ghcr.io.evil.org", "ghcr.io", false), ("ghcr.io", "docker.io", false),
  ])
  func matchesServers(_ key: String, _ registry: String, _ isMatch: Bool) async throws {
    try await withFolder { folder in
      try folder.write(#"{"auths": {"\#(key)": {"auth": "\#(Self.auth)"}}, "HttpHeaders": {"a": "b"}}"#)
      let found = try await folder.credentials().credential(for: registry)
      #expect(found == (isMatch ? Self.user : .anonymous))
    }
  }

  @Test func readsAllKindsOfEntries() async throws {
    try await withFolder { folder in
      try folder.write(
        """
        {"auths": {
          "a.io": {"username": "user", "password": "pa:ss"}, "b.io": {"auth": "\(Self.auth)", "identitytoken": "id"},
          "c.io": {"registrytoken": "reg"}, "d.io": {}, "e.io": {"auth": ""}
        }}
        """)
      let credentials = folder.credentials()
      #expect(try await credentials.credential(for: "a.io") == Self.user)
      #expect(try await credentials.credential(for: "b.io") == .identityToken("id"))
      #expect(try await credentials.credential(for: "c.io") == .registryToken("reg"))
      #expect(try await credentials.credential(for: "d.io") == .anonymous)
      #expect(try await credentials.credential(for: "e.io") == .anonymous)
    }
  }

  @Test func readsTheFileAnew() async throws {
    try await withFolder { folder in
      let credentials = folder.credentials()
      #expect(try await credentials.credential(for: "ghcr.io") == .anonymous)
      try folder.write(#"{"auths": {"ghcr.io": {"auth": "\#(Self.auth)"}}}"#)
      #expect(try await credentials.credential(for: "ghcr.io") == Self.user)
    }
  }

  @Test func environmentIsForDockerHubOnly() async throws {
    try await withFolder { folder in
      let both = [
        "DOCKER_USERNAME": "one", "DOCKER_PASSWORD": "p", "DOCKER_HUB_USER": "two", "DOCKER_HUB_PASSWORD": "q",
      ]
      let credentials = folder.credentials(both)
      let hub = try await credentials.credential(for: "docker.io")
      #expect(hub == .basic(user: "one", password: "p"))
      #expect(try await credentials.credential(for: "ghcr.io") == .anonymous)
      let half = folder.credentials(both.merging(["DOCKER_PASSWORD": ""]) { _, new in new })
      #expect(try await half.credential(for: "docker.io") == .basic(user: "two", password: "q"))
    }
  }

  @Test func asksHelpers() async throws {
    try await withFolder { folder in
      try folder.write(
        """
        {"credsStore": "store", "credHelpers": {"own.io": "own", "gone.io": "gone", "bad.io": "../x"},
         "auths": {"gone.io": {"auth": "\(Self.auth)"}, "bad.io": {"auth": "\(Self.auth)"}}}
        """)
      try folder.write(
        """
        #!/bin/sh
        read server || true
        [ "$1" = get ] || exit 3
        case "$server" in
          https://index.docker.io/v1/) echo '{"ServerURL":"x","Username":"hub","Secret":"s"}' ;;
          *) echo 'credentials not found in native keychain'; exit 1 ;;
        esac
        """, to: "docker-credential-store", mode: 0o755)
      try folder.write(
        "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"identity\"}'", to: "docker-credential-own", mode: 0o755
      )
      let credentials = folder.credentials()
      #expect(try await credentials.credential(for: "docker.io") == .basic(user: "hub", password: "s"))
      #expect(try await credentials.credential(for: "own.io") == .identityToken("identity"))
      #expect(try await credentials.credential(for: "ghcr.io") == .anonymous)
      // Helpers that do not exist, or must not be run, fall through to what the file holds.
      #expect(try await credentials.credential(for: "gone.io") == Self.user)
      #expect(try await credentials.credential(for: "bad.io") == Self.user)
    }
  }

  @Test func findsTheConfigFile() {
    #expect(RegistryCredentials.configFile(environment: ["HOME": "/h"]) == "/h/.docker/config.json")
    #expect(RegistryCredentials.configFile(environment: ["HOME": "/h", "DOCKER_CONFIG": "/c"]) == "/c/config.json")
    #expect(RegistryCredentials.configFile(environment: [:]) == nil)
  }
}
