// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Testing

@testable import PetrelHub

@Suite struct FileChoiceTests {
  /// A row of the table: names of files, a selector, and what is chosen.
  struct Row: Sendable, CustomStringConvertible {
    var files: [String]
    var selector: String?
    var weights: [String]
    var projector: String?

    init(_ files: String, _ selector: String? = nil, _ weights: String, projector: String? = nil) {
      self.files = files.split(separator: " ").map(String.init)
      self.selector = selector
      self.weights = weights.split(separator: " ").map(String.init)
      self.projector = projector
    }

    var description: String { "\(files) \(selector ?? "-")" }
  }

  private func choice(_ files: [String], _ selector: String?) throws -> FileChoice {
    try FileChoice(
      from: files.map { HubFile(path: $0, size: 10, digest: Digest(ofText: $0)) }, selector: selector,
      repository: "o/r")
  }

  @Test(arguments: [
    Row("m-Q2_K.gguf m-Q4_K_M.gguf m-Q8_0.gguf", "m-Q4_K_M.gguf"),
    Row("m-Q2_K.gguf m-Q4_K_M.gguf m-Q8_0.gguf", "Q8_0", "m-Q8_0.gguf"),
    Row("m-Q2_K.gguf m-Q4_K_M.gguf m-Q8_0.gguf", "q8_0", "m-Q8_0.gguf"),
    Row("m-Q2_K.gguf m-Q8_0.gguf", "m-Q2_K.gguf"),
    Row("m-Q4_K_M.gguf mmproj-BF16.gguf mmproj-F16.gguf", "m-Q4_K_M.gguf", projector: "mmproj-F16.gguf"),
    Row("m-Q4_K_M.gguf mmproj-BF16.gguf mmproj-F32.gguf", "any", "m-Q4_K_M.gguf", projector: "mmproj-BF16.gguf"),
    Row("m.gguf mmproj-b.gguf mmproj-a.gguf", "m.gguf", projector: "mmproj-a.gguf"),
    Row(
      "Q4_K_M/m-00001-of-00002.gguf Q4_K_M/m-00002-of-00002.gguf Q8_0/m-00001-of-00002.gguf Q8_0/m-00002-of-00002.gguf",
      "Q8_0", "Q8_0/m-00001-of-00002.gguf Q8_0/m-00002-of-00002.gguf"),
    Row(
      "m-Q8_0-00002-of-00002.gguf m-Q8_0-00001-of-00002.gguf m-Q2_K.gguf", "Q8_0",
      "m-Q8_0-00001-of-00002.gguf m-Q8_0-00002-of-00002.gguf"),
    Row("m-Q4_K_M.gguf model.safetensors", "m-Q4_K_M.gguf"),
    Row("m-Q8_0.gguf a.safetensors", "a.safetensors"),
    Row("m-UD-Q4_K_M.gguf m-Q4_K_M.gguf m-Q2_K.gguf", "m-Q4_K_M.gguf"),
    Row("m-UD-Q4_K_M.gguf m-Q4_K_M.gguf m-Q2_K.gguf", "ud-q4_k_m", "m-UD-Q4_K_M.gguf"),
    Row("m-Q4_K_S.gguf m-Q8_0.gguf", "Q4_K", "m-Q4_K_S.gguf"),
    Row("m-BF16.gguf m-F16.gguf", "F16", "m-F16.gguf"),
    Row("Q4_K_M.gguf Q8_0.gguf", "Q8_0", "Q8_0.gguf"),
    Row("a-Q8_0.gguf b-Q8_0.gguf", "b-Q8_0", "b-Q8_0.gguf"),
    Row("m-Q4_K_M.gguf m-Q4_K_M.imatrix.gguf", "m-Q4_K_M.gguf"),
    Row("only.gguf", "v1", "only.gguf"),
    Row("b/model.safetensors a.safetensors", "a.safetensors b/model.safetensors"),
    Row("x.dduf", "x.dduf"),
    Row("x-Q8_0.dduf x-F16.dduf", "F16", "x-F16.dduf"),
    Row(
      "vision/m-Q4_K_M.gguf vision/mmproj-F32.gguf mmproj-F16.gguf", "vision/m-Q4_K_M.gguf",
      projector: "vision/mmproj-F32.gguf"),
  ])
  func chooses(row: Row) throws {
    let choice = try choice(row.files, row.selector)
    #expect(choice.weights.map(\.path) == row.weights)
    #expect(choice.projector?.path == row.projector)
  }

  @Test(arguments: [
    (["m-Q2_K.gguf", "m-Q8_0.gguf"], "Q9_Z", "it has Q2_K, Q8_0"),
    (["m-Q4_K_M.gguf"], "Q8_0", "it has Q4_K_M"),
    (["a-Q8_0.gguf", "b-Q8_0.gguf"], "Q8_0", "a-Q8_0, b-Q8_0"),
    (["m-Q4_K_S.gguf", "m-Q4_K_M.gguf"], "Q4_K", "fits several"),
    (["model.safetensors"], "Q4_K_M", "has no GGUF files"),
    (["x-Q8_0.dduf", "x-F16.dduf"], "Q2_K", "it has F16, Q8_0"),
  ])
  func saysWhatThereIsWhenNothingFits(files: [String], selector: String, text: String) {
    let error = #expect(throws: HubError.self) { try choice(files, selector) }
    #expect(error?.code == .noSuchChoice)
    #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    ["mmproj-a.gguf", "mmproj-b.gguf"], ["README.md", "model.bin"], [],
    ["m-00001-of-00003.gguf", "m-00003-of-00003.gguf"], ["model-00002-of-00002.safetensors", "config.json"],
  ])
  func needsWholeWeights(files: [String]) {
    let error = #expect(throws: HubError.self) { try choice(files, nil) }
    #expect(error?.code == .noWeights)
  }

  @Test func ofGGUFRepositoriesOnlyWhatIsPackagedIsTaken() throws {
    let files = [
      ".gitattributes", "LICENSE", "README.md", "config.json", "docs/LICENSE", "m-Q4_K_M.gguf", "m-Q8_0.gguf",
      "chat_template.json", "tokenizer_config.json", "template.jinja", "onnx/model.onnx",
    ]
    let choice = try choice(files, nil)
    #expect(choice.form == .gguf)
    #expect(choice.licenses.map(\.path) == ["LICENSE"])
    #expect(choice.templates.map(\.path) == ["template.jinja", "chat_template.json", "tokenizer_config.json"])
    #expect(choice.others.isEmpty)
  }

  @Test func ofSafetensorsRepositoriesAllThatEnginesReadIsTakenInWalkingOrder() throws {
    let files = [
      "pytorch_model.bin", "model.safetensors", "text_encoder/config.json", "tokenizer.model", "LICENSE", "README.md",
      "config.json", "modeling.py", "chat_template.jinja", ".gitattributes", "text_encoder/model.safetensors",
    ]
    let choice = try choice(files, nil)
    #expect(choice.form == .folder)
    #expect(choice.weights.map(\.path) == ["model.safetensors", "text_encoder/model.safetensors"])
    #expect(
      choice.others.map(\.path) == [
        "LICENSE", "README.md", "chat_template.jinja", "config.json", "text_encoder/config.json", "tokenizer.model",
      ])
  }
}

extension FileChoiceTests.Row {
  fileprivate init(_ files: String, _ weights: String, projector: String? = nil) {
    self.init(files, nil, weights, projector: projector)
  }
}
