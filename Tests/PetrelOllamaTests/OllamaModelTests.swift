// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelOllama
import PetrelWire
import Testing

@Suite struct OllamaModelTests {
  private func create(_ text: String) throws -> OllamaCreate { try OllamaCreate(try JSONNode(parsing: text)) }

  @Test func `A model is made of another, with what it is to bring`() throws {
    let create = try create(
      #"{"model":"n","from":"m","system":"be","parameters":{"temperature":0,"num_ctx":512},"license":["a","b"],"#
        + #""messages":[{"role":"user","content":"x"}],"stream":false}"#)
    #expect(create.source == .model("m"))
    #expect(create.model == "n" && !create.isStream)
    #expect(create.licenses == ["a", "b"])
    #expect(create.contextSize == 512)
    #expect(
      create.defaults.layers.map(\.type)
        == [MediaType.ollamaSystem, MediaType.ollamaParameters, MediaType.ollamaMessages])
  }

  @Test func `Or of files`() throws {
    #expect(try create(#"{"model":"n","files":{"a.gguf":"sha256:1"}}"#).source == .files(["a.gguf": "sha256:1"]))
  }

  @Test(arguments: [
    "", #","from":"m","files":{"a":"b"}"#, #","from":"m","quantize":"q4_0""#, #","from":"m","adapters":{"a":"b"}"#,
    #","files":{"../a":"b"}"#, #","files":{"a":7}"#, #","from":"m","template":"{{ .Prompt }}""#,
    #","from":"m","parameters":{"temperature":"hot"}"#, #","from":"m","messages":[{}]"#, #","from":"m","license":7"#,
    #","modelfile":"FROM m""#,
  ]) func `What can't be made is refused`(members: String) {
    #expect(throws: OllamaError.self) { try create(#"{"model":"n"\#(members)}"#) }
  }

  @Test func `What a model brings is stored and read again`() throws {
    let defaults = try OllamaDefaults(
      system: "be", parameters: try JSONNode(parsing: #"{"top_k":3}"#),
      messages: try JSONNode(parsing: #"[{"role":"user","content":"x"}]"#))
    var read = OllamaDefaults()
    for layer in defaults.layers { read.read(layer.content, ofType: layer.type) }
    #expect(read == defaults)
    read.read(Array("{".utf8), ofType: MediaType.ollamaParameters)
    #expect(read == defaults)
  }

  @Test func `It counts where the request says nothing`() throws {
    let defaults = try OllamaDefaults(
      system: "be", parameters: try JSONNode(parsing: #"{"top_k":3,"seed":1,"num_ctx":64}"#),
      messages: try JSONNode(parsing: #"[{"role":"user","content":"old"}]"#))
    func messages(_ text: String) throws -> [String?] {
      let chat = try OllamaChat(try request(text, defaults))
      return try body(chat.body)["messages"]?.elements?.map { $0["content"]?.string } ?? []
    }
    #expect(try messages(#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#) == ["be", "old", "x"])
    #expect(
      try messages(#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"x"}]}"#)
        == ["s", "old", "x"])
    let chat = try OllamaChat(
      try request(#"{"model":"m","messages":[{"role":"user","content":"x"}],"options":{"seed":2}}"#, defaults))
    #expect(text(try body(chat.body)["top_k"]) == "3")
    #expect(text(try body(chat.body)["seed"]) == "2")
    #expect(chat.request.options.contextSize == 64)
    let generate = try OllamaGenerate(try request(#"{"model":"m","prompt":"x"}"#, defaults))
    #expect(try body(generate.body)["messages"]?.elements?.count == 2)
    #expect(try OllamaChat(try request(#"{"model":"m","messages":[]}"#, defaults)).body == nil)
  }

  @Test func `Progress has Ollama's words`() {
    let layer = ProgressLine.Layer(id: "sha256:ca21b36a61fa99", size: 30, current: 12)
    let line = ProgressLine.transferred(mode: .pull, layer: layer, total: 30)
    #expect(
      text(OllamaProgress.lines(for: line))
        == #"{"status":"pulling ca21b36a61fa","digest":"sha256:ca21b36a61fa99","total":30,"completed":12}"# + "\n")
    #expect(
      text(OllamaProgress.lines(for: ProgressLine(type: .success, message: "", mode: .push)))
        == #"{"status":"pushing manifest"}"# + "\n" + #"{"status":"success"}"# + "\n")
    #expect(
      text(OllamaProgress.lines(for: ProgressLine(type: .error, message: "no", mode: .pull)))
        == #"{"error":"no"}"# + "\n")
  }

  @Test func `A model is shown with what it can do`() throws {
    var show = OllamaShow(
      name: "m", details: OllamaDetails(format: "gguf", family: "f", parameters: "1B", quantization: "MOSTLY_Q4_0"),
      modifiedAt: "2026-01-01T00:00:00Z")
    show.template = "{% if tools %}<think>"
    show.metadata = [
      "f.context_length": "4096", "general.name": "M", "f.flag": "true", "z": String(repeating: "x", count: 999),
    ]
    show.hasProjector = true
    show.system = "be"
    show.parameters = [JSONMember("stop", .array([.string("a"), .string("b")]))]
    let answer = try JSONNode(parsing: text(show.answer(verbose: false)))
    #expect(text(answer["model_info"]) == #"{"f.context_length":4096,"f.flag":true,"general.name":"M"}"#)
    #expect(text(answer["capabilities"]) == #"["completion","tools","thinking","vision"]"#)
    #expect(answer["details"]?["quantization_level"]?.string == "Q4_0")
    #expect(answer["modelfile"]?.string?.contains("SYSTEM \"\"\"be\"\"\"") == true)
    #expect(answer["parameters"]?.string?.split(separator: "\n").count == 2)
    #expect(try JSONNode(parsing: text(show.answer(verbose: true)))["model_info"]?["z"] != nil)
    show.metadata = ["f.pooling_type": "1"]
    #expect(text(try JSONNode(parsing: text(show.answer(verbose: false)))["capabilities"]) == #"["embedding"]"#)
  }
}
