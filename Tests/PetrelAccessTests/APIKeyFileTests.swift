// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelAccess

struct APIKeyFileTests {
  private static func key(_ name: String, _ secret: KeySecret = KeySecret()) -> APIKey {
    APIKey(name: name, secret: secret, scopes: [.inference], created: 1)
  }

  @Test func secretsAreNotInTheFile() async throws {
    try await withTemporaryFolder { folder in
      let file = APIKeyFile(home: folder)
      let secret = KeySecret()
      try file.add(Self.key("one", secret))
      let bytes = try #require(FileManager.default.contents(atPath: file.path.string))
      let text = String(decoding: bytes, as: UTF8.self)
      #expect(!text.contains(secret.text))
      #expect(!text.contains(secret.text.dropFirst("petrel-".count)))
      #expect(try file.read() == [Self.key("one", secret)])
    }
  }

  @Test func onlyTheOwnerMayReadIt() async throws {
    try await withTemporaryFolder { folder in
      let file = APIKeyFile(home: folder)
      try file.add(Self.key("one"))
      try file.add(Self.key("two"))
      let attributes = try FileManager.default.attributesOfItem(atPath: file.path.string)
      #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }
  }

  @Test func namesAreUnique() async throws {
    try await withTemporaryFolder { folder in
      let file = APIKeyFile(home: folder)
      try file.add(Self.key("one"))
      #expect { try file.add(Self.key("one")) } throws: { ($0 as? AccessError)?.code == .nameTaken }
      #expect(try file.read().count == 1)
    }
  }

  @Test func keysAreRemovedByNameOrID() async throws {
    try await withTemporaryFolder { folder in
      let file = APIKeyFile(home: folder)
      let two = Self.key("two")
      try file.add(Self.key("one"))
      try file.add(two)
      #expect(try file.remove(two.id) == two)
      #expect(try file.remove("one").name == "one")
      #expect(try file.read().isEmpty)
      #expect { try file.remove("one") } throws: { ($0 as? AccessError)?.code == .notFound }
    }
  }

  /// What a process that was killed while it wrote leaves behind.
  @Test func aLeftoverDoesNotStandInTheWay() async throws {
    try await withTemporaryFolder { folder in
      let file = APIKeyFile(home: folder)
      try FilePath(file.path.string + ".new").write("half")
      try file.add(Self.key("one"))
      #expect(try file.read().map(\.name) == ["one"])
    }
  }

  @Test(arguments: ["", "{}", "[]", #"{"version":2,"keys":[]}"#, #"{"version":1,"keys":[{"name":"x"}]}"#])
  func aForeignFileIsRefused(_ text: String) async throws {
    try await withTemporaryFolder { folder in
      let file = APIKeyFile(home: folder)
      try file.path.write(text)
      #expect { try file.read() } throws: { ($0 as? AccessError)?.code == .damaged }
      #expect { try file.add(Self.key("one")) } throws: { ($0 as? AccessError)?.code == .damaged }
      #expect(FileManager.default.contents(atPath: file.path.string) == Data(text.utf8))
    }
  }

  @Test func secretsDiffer() {
    let secrets = Set((0..<100).map { _ in KeySecret().text })
    #expect(secrets.count == 100)
    #expect(secrets.allSatisfy { $0.hasPrefix("petrel-") && $0.count == 50 })
  }
}
