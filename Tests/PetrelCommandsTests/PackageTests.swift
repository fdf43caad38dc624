// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import PetrelAPI
import PetrelOCI
import PetrelPackaging
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelCommands

/// `package`, `load` and `export` against a stub of the daemon.
struct PackageTests {
  private typealias Respond = @Sendable (StubDaemon.Request) -> StubDaemon.Response

  private static let loaded = StubDaemon.Response(
    200, type: "application/json", headers: [("X-Model-ID", "sha256:" + String(repeating: "a", count: 64))],
    chunks: [#"{"type":"success","message":"Loaded","total":0,"layer":{"size":0,"current":0},"mode":"pull"}"#])

  /// Answers like a daemon that can do all.
  private static let willing: Respond = { request in
    if request.uri == "/models/load" { return loaded }
    if request.uri == "/models/adopt" {
      return .json(
        #"{"id":"sha256:\#(String(repeating: "a", count: 64))","present":0,"cloned":1,"linked":0,"copied":0}"#)
    }
    return .json("{}", status: 201)
  }

  private func run(
    _ words: [String], environment: [String: String] = [:], onSocket: Bool = false, _ fixture: CommandFixture,
    _ respond: @escaping Respond = willing
  ) async throws -> (status: Int32, requests: [StubDaemon.Request]) {
    let socket = onSocket ? "/tmp/petrel-\(UInt64.random(in: .min ... .max)).sock" : nil
    defer { if let socket { try? FileManager.default.removeItem(atPath: socket) } }
    return try await StubDaemon.serving(socketPath: socket, respond) { stub in
      let all = environment.merging(["MODEL_RUNNER_HOST": stub.address]) { $1 }
      let status = await fixture.run(words, fixture.context(environment: all))
      return (status, stub.requests)
    }
  }

  private func write(_ text: String, to name: String, _ fixture: CommandFixture) throws {
    try fixture.folder.appending(name).write(text, mode: 0o644)
  }

  private func adoption(_ request: StubDaemon.Request?) throws -> AdoptRequest {
    try JSONDecoder().decode(AdoptRequest.self, from: Data(try #require(request).body.utf8))
  }

  @Test func overTheSocketOnlyNamesAreSent() async throws {
    let fixture = try CommandFixture()
    try write("weights", to: "m.gguf", fixture)
    let result = try await run(["package", "--gguf", "m.gguf", "--link", "my/M:v1"], onSocket: true, fixture)
    #expect(result.status == 0, "\(fixture.errors)")
    #expect(result.requests.map(\.uri) == ["/models/adopt"])
    let request = try adoption(result.requests.first)
    #expect(request.tag == "docker.io/my/m:v1" && request.link == true)
    #expect(request.files.map(\.path) == [fixture.folder.appending("m.gguf").string])
    #expect(request.files.map(\.digest) == [Digest(ofText: "weights")])
    let manifest = try Manifest(decoding: Array(request.manifest.utf8))
    #expect(manifest.config.digest == Digest(ofText: request.config))
    #expect(
      fixture.errors.hasSuffix(
        "Loading model to Model Runner...\nModel loaded successfully, but see the warning above\n"))
  }

  @Test(arguments: [403, 404, 405, 409])
  func aDaemonThatCannotSeeTheFilesGetsTheirBytes(status: Int) async throws {
    let fixture = try CommandFixture()
    try write("weights", to: "m.gguf", fixture)
    let result = try await run(["package", "--gguf", "m.gguf", "m"], onSocket: true, fixture) { request in
      request.uri == "/models/adopt" ? .init(status, chunks: ["no"]) : Self.willing(request)
    }
    #expect(result.status == 0)
    #expect(result.requests.prefix(2).map(\.uri) == ["/models/adopt", "/models/load"])
    #expect(result.requests.dropFirst().first?.body.contains("weights") == true)
  }

  @Test func aDaemonWithoutSpaceIsNotSentTheBytesToo() async throws {
    let fixture = try CommandFixture()
    try write("weights", to: "m.gguf", fixture)
    let result = try await run(["package", "--gguf", "m.gguf", "m"], onSocket: true, fixture) { _ in
      .init(507, chunks: ["no space"])
    }
    #expect(result.status == 1 && result.requests.count == 1)
    #expect(fixture.errors.hasSuffix("Error: no space\n"))
  }

  @Test func aFolderIsSentAsAnArchive() async throws {
    let fixture = try CommandFixture()
    try write("weights", to: "m.gguf", fixture)
    try write("{}", to: "tok/a.json", fixture)
    let result = try await run(["package", "--gguf", "m.gguf", "--dir-tar", "tok", "m"], onSocket: true, fixture)
    #expect(result.status == 0)
    #expect(result.requests.first?.uri == "/models/load")
    #expect(result.requests.first?.body.contains("tok/a.json") == true)
    #expect(fixture.errors.contains("Adding directory from \"tok\"\n"))
  }

  @Test func safetensorsFoldersAreScanned() async throws {
    let fixture = try CommandFixture()
    try write("{}", to: "st/model.safetensors", fixture)
    try write("{}", to: "st/sub/config.json", fixture)
    let words = ["package", "--safetensors-dir", "st", "--format", "cncf", "m"]
    let result = try await run(words, onSocket: true, fixture)
    #expect(result.status == 0)
    let request = try adoption(result.requests.first)
    let manifest = try Manifest(decoding: Array(request.manifest.utf8))
    #expect(manifest.isModelPack)
    #expect(manifest.layers.map(\.annotatedPath) == ["model.safetensors", "sub/config.json"])
    #expect(fixture.errors.contains("Scanning directory \"st\" for safetensors model...\nWarning: the header of "))
  }

  @Test func buildsCanBeRepeated() async throws {
    let fixture = try CommandFixture()
    try write("weights", to: "m.gguf", fixture)
    let environment = ["SOURCE_DATE_EPOCH": "86400"]
    let result = try await run(["package", "--gguf", "m.gguf", "m"], environment: environment, onSocket: true, fixture)
    let request = try adoption(result.requests.first)
    #expect(request.config.contains(#""created":"1970-01-02T00:00:00Z""#))
    #expect(request.manifest.contains(#"\"mtime\":\"1970-01-02T00:00:00Z\""#))
  }

  @Test func anArchiveIsWrittenWithoutADaemonAndLoaded() async throws {
    let fixture = try CommandFixture()
    try write("weights", to: "m.gguf", fixture)
    let context = fixture.context(environment: ["MODEL_RUNNER_HOST": "127.0.0.1:1"])
    #expect(await fixture.run(["package", "--gguf", "m.gguf", "--output", "m.tar"], context) == 0)
    #expect(fixture.folder.names.sorted() == ["m.gguf", "m.tar"])
    let archive = try Data(contentsOf: URL(filePath: fixture.folder.appending("m.tar").string))
    #expect(archive.count % 512 == 0)

    let result = try await run(["load", "m.tar", "my/m:v2"], fixture)
    #expect(result.status == 0)
    #expect(result.requests.first?.headers["Content-Length"] == ["\(archive.count)"])
    #expect(result.requests.map(\.body).first == String(decoding: archive, as: UTF8.self))
    #expect(result.requests.last?.uri.hasSuffix("/tag?repo=docker.io%2Fmy%2Fm&tag=v2") == true)
    #expect(fixture.output == "Loaded my/m:v2\n")
  }

  @Test func standardInputIsLoaded() async throws {
    let fixture = try CommandFixture()
    let result = try await StubDaemon.serving(Self.willing) { stub in
      let context = fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address], input: "archive")
      let status = await fixture.run(["load", "-"], context)
      return (status, stub.requests.first)
    }
    #expect(result.0 == 0)
    #expect(result.1?.headers["Transfer-Encoding"] == ["chunked"])
    #expect(fixture.output == "Loaded sha256:\(String(repeating: "a", count: 64))\n")
  }

  @Test func anExportAppearsWhole() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["export", "m", "m.tar"], fixture) { _ in .init(200, chunks: ["first", "second"]) }
    #expect(result.status == 0 && result.requests.map(\.uri) == ["/models/m/export"])
    #expect(fixture.folder.appending("m.tar").text == "firstsecond")
    let torn = try await run(["export", "m", "torn.tar"], fixture) { _ in
      .init(200, chunks: ["first"], ending: .cutOff)
    }
    #expect(torn.status == 1)
    let missing = try await run(["export", "nope", "nope.tar"], fixture) { _ in .init(404, chunks: ["no"]) }
    #expect(missing.status == 1)
    #expect(fixture.errors.hasSuffix("nope: model not found; `petrel list` shows the models that are here\n"))
    // An older file stays when the new one does not come.
    let again = try await run(["export", "m", "m.tar"], fixture) { _ in .init(500, chunks: ["no"]) }
    #expect(again.status == 1 && fixture.folder.names == ["m.tar"])
    #expect(fixture.folder.appending("m.tar").text == "firstsecond")
  }

  @Test func aVariantIsComposedFromTheModelsDocuments() async throws {
    let fixture = try CommandFixture()
    try write("weights", to: "m.gguf", fixture)
    try write("MIT", to: "LICENSE", fixture)
    let source = try await ModelPackage.build(
      PackageRequest(gguf: fixture.folder.appending("m.gguf"), created: Date(timeIntervalSince1970: 0)))
    let documents = ArtifactDocuments(
      id: source.id, manifest: String(decoding: source.manifestBytes, as: UTF8.self),
      config: String(decoding: source.configBytes, as: UTF8.self))
    let json = String(decoding: try JSONEncoder().encode(documents), as: UTF8.self)
    let words = ["package", "--from", "src", "--license", "LICENSE", "--context-size", "99", "v"]
    let result = try await run(words, onSocket: true, fixture) { request in
      request.method == "GET" ? .json(json) : Self.willing(request)
    }
    #expect(result.status == 0, "\(fixture.errors)")
    #expect(result.requests.map(\.uri) == ["/models/src?artifact=true", "/models/adopt"])
    let request = try adoption(result.requests.last)
    #expect(request.files.map(\.digest) == [Digest(ofText: "MIT")])
    #expect(request.config.contains(#""context_size":99"#))
    #expect(fixture.errors.hasSuffix("Creating lightweight model variant...\nModel variant created successfully\n"))
  }

  @Test(
    arguments: [
      (["m"], "One of --gguf, --safetensors-dir, --dduf, or --from is required."),
      (["--gguf", "a", "--dduf", "b", "m"], "Cannot specify more than one of"),
      (["--gguf", "a", "--format", "oci", "m"], "invalid --format value \"oci\": must be \"docker\" or \"cncf\""),
      (
        ["--gguf", "a", "--format", "cncf", "--context-size", "5", "m"],
        "--context-size is not supported with --format cncf"
      ),
      (["--gguf", "a", "--context-size", "0", "m"], "--context-size must be from 1 to 2147483647"),
      (["--gguf", "a", "--context-size", "4294967297", "m"], "--context-size must be from 1 to 2147483647"),
      (["--gguf", "a"], "Missing expected argument '<model>'"),
      (["--gguf", "a", "--output", "x.tar", "--push", "m"], "use one of the two"),
      (["--from", "a", "--output", "x.tar"], "--output with --from needs a name"),
      (["--gguf", "a", "m@sha256:\(String(repeating: "a", count: 64))"], "names a digest"),
      (["--gguf", "none.gguf", "m"], "package model: "), (["--gguf", "a", "Bad Name"], "invalid reference"),
    ] as [([String], String)])
  func mistakesAreSaid(words: [String], message: String) async throws {
    let fixture = try CommandFixture()
    let context = fixture.context(environment: ["MODEL_RUNNER_HOST": "127.0.0.1:1"])
    #expect(await fixture.run(["package"] + words, context) == 1)
    #expect(fixture.errors.contains(message), "\(fixture.errors)")
  }
}
