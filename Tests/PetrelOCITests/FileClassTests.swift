// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Testing

@Suite struct FileClassTests {
  @Test(
    arguments: [
      ("m.gguf", .gguf), ("M.GGUF", .gguf), ("a/b.safetensors", .safetensors), ("x.dduf", .dduf),
      ("tpl.jinja", .chatTemplate), ("chat_template.json", .chatTemplate), ("LICENSE", .license),
      ("LICENSE.md", .license), ("noticeboard.json", .license), ("COPYING.txt", .license), ("Licence", .license),
      ("README.md", .config), ("vocab.txt", .config), ("config.json", .config), ("x.vocab", .config),
      ("tokenizer.model", .config), ("other.model", .unknown), ("model.py", .unknown), ("license/x.py", .unknown),
      ("mmproj-F16.gguf", .gguf), ("", .unknown),
    ] as [(String, FileClass)])
  func namesTell(name: String, kind: FileClass) { #expect(FileClass(name) == kind) }

  @Test(
    arguments: [
      (MediaType.gguf, nil, MediaType.cncfWeightRaw), (MediaType.mmproj, nil, MediaType.cncfWeightRaw),
      (MediaType.modelFile, "README.md", MediaType.cncfWeightConfigRaw),
      (MediaType.chatTemplate, nil, MediaType.cncfWeightConfigRaw), (MediaType.license, nil, MediaType.cncfDocRaw),
      (MediaType.cncfWeightGGUF, nil, MediaType.cncfWeightRaw), (MediaType.cncfDocRaw, "x.gguf", MediaType.cncfDocRaw),
      ("text/x", "m.safetensors", MediaType.cncfWeightRaw), ("text/x", "LICENSE", MediaType.cncfDocRaw),
      ("text/x", "README.md", MediaType.cncfDocRaw), ("text/x", "a.json", MediaType.cncfWeightConfigRaw),
      ("text/x", nil, MediaType.cncfWeightConfigRaw),
    ] as [(String, String?, String)])
  func modelPackTypes(type: String, path: String?, pack: String) {
    #expect(MediaType.modelPack(for: type, path: path) == pack)
  }

  @Test func aModelPackConfigKeepsAllThatTheSpecificationHas() throws {
    let text =
      #"{"descriptor":{"createdAt":"2025-06-15T12:00:00Z","authors":["a"],"family":"f","name":"n","docURL":"d","#
      + #""sourceURL":"s","version":"1","revision":"r","vendor":"v","licenses":["MIT"],"title":"t","#
      + #""description":"d"},"modelfs":{"type":"layers","diffIds":[]},"config":{"architecture":"a","format":"gguf","#
      + #""paramSize":"8B","precision":"p","quantization":"q","capabilities":{"inputTypes":["text"],"#
      + #""outputTypes":["text"],"knowledgeCutoff":"2025-01-01T00:00:00Z","reasoning":true,"toolUsage":false,"#
      + #""embedding":false,"reward":false}}}"#
    let config = try ModelPackConfigFile(decoding: Array(text.utf8))
    #expect(String(decoding: try config.serialized(), as: UTF8.self) == text)
    let bare = try ModelPackConfigFile(decoding: Array(#"{"modelfs":{"diffIds":null},"x":1}"#.utf8))
    #expect(bare.config == .init() && bare.modelfs.diffIds == nil)
    #expect(throws: OCIError.self) { try ModelPackConfigFile(decoding: Array(#"{"config":[]}"#.utf8)) }
  }
}
