// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelAPI
import PetrelOCI
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelCommands

struct ImportCommandTests {
  private static let id = Digest(ofText: "model")

  /// Puts weights into the folder of LM Studio below the fixture's home.
  private func addModel(_ fixture: CommandFixture, _ name: String = "Pub/Repo/m-Q8_0.gguf") throws -> FilePath {
    let path = fixture.folder.appending(".lmstudio").appending("models").pushing(FilePath(name))
    try FileManager.default.createDirectory(
      atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
    try Data(TinyGGUF.bytes()).write(to: URL(filePath: path.string))
    return path
  }

  private func run(
    _ words: [String], fixture: CommandFixture, status: Int = 201, method: String = "linked"
  ) async throws -> (status: Int32, requests: [StubDaemon.Request]) {
    let answer =
      status == 201
      ? """
      {"id":"\(Self.id)","name":"huggingface.co/pub/repo:Q8_0","files":[{"name":"m-Q8_0.gguf","digest":"\(Self.id)",
      "size":2000000,"method":"\(method)"}]}
      """ : "models are imported over the daemon's Unix socket only"
    return try await StubDaemon.serving({ _ in .json(answer, status: status) }) { stub in
      let status = await fixture.run(words, fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address]))
      return (status, stub.requests)
    }
  }

  @Test func sendsWhatItFinds() async throws {
    let fixture = try CommandFixture()
    let path = try addModel(fixture)
    let result = try await run(["import", "--from", "lmstudio"], fixture: fixture)
    #expect(result.status == 0)
    #expect(fixture.output == "Imported huggingface.co/pub/repo:Q8_0 (\(Self.id.short))\n")
    #expect(result.requests.map(\.uri) == ["/models/import"])
    let body = Data((result.requests.first?.body ?? "").utf8)
    let request = try JSONDecoder().decode(ImportRequest.self, from: body)
    #expect(request.name == "huggingface.co/pub/repo:Q8_0" && request.link)
    #expect(
      request.files == [ImportRequest.File(path: path.string, mediaType: MediaType.gguf, name: "m-Q8_0.gguf")])
  }

  @Test func aDryRunAsksNobody() async throws {
    let fixture = try CommandFixture()
    _ = try addModel(fixture)
    let result = try await run(["import", "--dry-run", "--from", "lmstudio"], fixture: fixture)
    #expect(result.status == 0 && result.requests.isEmpty)
    #expect(fixture.output.contains("huggingface.co/pub/repo:Q8_0"))
    #expect(fixture.output.contains("LM Studio"))
  }

  @Test func onlyTheModelsNamedAreTaken() async throws {
    let fixture = try CommandFixture()
    _ = try addModel(fixture)
    _ = try addModel(fixture, "Pub/Other/o-Q4_0.gguf")
    let one = try await run(["import", "--from", "lmstudio", "pub/repo"], fixture: fixture)
    #expect(one.status == 0 && one.requests.count == 1)
    let none = try await run(["import", "--from", "lmstudio", "pub/none"], fixture: fixture)
    #expect(none.status == 1 && none.requests.isEmpty)
    #expect(fixture.errors.contains("pub/none is not among the models of other programs"))
  }

  @Test func copiesAreMentionedAndFilesOfAnyFolderAreNotLinked() async throws {
    let fixture = try CommandFixture()
    let folder = try addModel(fixture).removingLastComponent()
    let result = try await run(["import", "--from", folder.string], fixture: fixture, method: "copied")
    #expect(result.status == 0)
    #expect(fixture.errors.contains("2.00MB of huggingface.co/local/repo:Q8_0 had to be copied"))
    let request = try JSONDecoder().decode(
      ImportRequest.self, from: Data((result.requests.first?.body ?? "").utf8))
    #expect(!request.link)
  }

  @Test func aDaemonElsewhereIsNoPlaceForLocalFiles() async throws {
    let fixture = try CommandFixture()
    _ = try addModel(fixture)
    let result = try await run(["import", "--from", "lmstudio"], fixture: fixture, status: 403)
    #expect(result.status == 1)
    #expect(fixture.errors.contains("Unix socket only"))
  }

  @Test func nothingFoundIsSaid() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["import", "--from", "lmstudio"], fixture: fixture)
    #expect(result.status == 0 && fixture.errors == "No models found.\n")
    let wrong = try await run(["import", "--from", "nowhere"], fixture: fixture)
    #expect(wrong.status == 1 && fixture.errors.contains("nowhere is not a folder"))
  }
}
