// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelHub

@Suite struct HubSettingsTests {
  @Test func theFirstTokenInTheUsualOrderCounts() async throws {
    try await withTemporaryFolder { folder in
      var environment = ["HOME": folder.string]
      func token() -> String? { HubSettings(environment: environment).token }
      #expect(token() == nil)
      try folder.appending(".cache").appending("huggingface").appending("token").write("of-home\n")
      #expect(token() == "of-home")
      try folder.appending("cache").appending("huggingface").appending("token").write("of-cache")
      environment["XDG_CACHE_HOME"] = folder.appending("cache").string
      #expect(token() == "of-cache")
      try folder.appending("hf").appending("token").write("of-hf-home")
      environment["HF_HOME"] = folder.appending("hf").string
      #expect(token() == "of-hf-home")
      try folder.appending("file").write("of-path")
      environment["HF_TOKEN_PATH"] = folder.appending("file").string
      #expect(token() == "of-path")
      environment["HUGGING_FACE_HUB_TOKEN"] = "old"
      #expect(token() == "old")
      environment["HF_TOKEN"] = " new "
      #expect(token() == "new")
    }
  }

  @Test(arguments: ["", " \n", "a b", "a\r\nX: y", "ä"])
  func whatCannotStandInAHeaderIsNoToken(text: String) {
    #expect(HubSettings.usable(text) == nil)
  }

  @Test func theEndpointHasNoSlashAtItsEnd() {
    #expect(HubSettings(endpoint: "http://mirror//", environment: [:]).endpoint == "http://mirror")
    #expect(HubSettings(environment: [:]).endpoint == "https://huggingface.co")
  }

  @Test(
    arguments: [
      ("2024-05-01T10:00:00.000Z", "2024-05-01T10:00:00Z"), ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
      ("2024-05-01T10:00:00.250Z", "2024-05-01T10:00:00.25Z"), ("2024-05-01", nil), ("2024-05-01T10:00:00+02:00", nil),
    ] as [(String, String?)])
  func timesHaveOneForm(text: String, form: String?) {
    #expect(HubRevision.normalized(text) == form)
  }

  @Test func gitsHashIsGits() {
    #expect(GitBlob.hash([]) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
    #expect(GitBlob.hash(Array("hello\n".utf8)) == "ce013625030ba8dba906f756967f9e9ca394464a")
  }
}
