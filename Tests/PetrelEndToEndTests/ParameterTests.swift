// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import SystemPackage
import Testing

extension EndToEnd {
  /// What engines would ignore, misread or blame themselves for.
  @Suite(.sharedDaemon) struct ParameterTests {
    private static func chat(content: String) -> String {
      #"{"model":"petrel/demo","messages":[{"role":"user","content":[\#(content)]}]}"#
    }

    @Test func wrongParametersAreNamed() async throws {
      for (member, parameter) in [
        (#""temperature":5"#, "temperature"), (#""tools":[{"type":"x"}]"#, "tools[0].type"),
        (#""response_format":{"type":"json_schema"}"#, "response_format.json_schema.schema"),
      ] {
        let answer = try await SharedDaemon.current.curl("/v1/chat/completions", body: Ask.chat("hi", "," + member))
        #expect(answer.status == 400)
        #expect(answer.body.contains(#""param":"\#(parameter)""#))
        #expect(answer.body.contains(#""type":"invalid_request_error""#))
      }
    }

    @Test func imagesNeedAProjectorAndAreNotFetched() async throws {
      // One pixel.
      let pixel =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
      let own = try await SharedDaemon.current.curl(
        "/v1/chat/completions",
        body: Self.chat(content: #"{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(pixel)"}}"#))
      #expect(own.status == 400)
      #expect(
        own.body.contains(
          "the model reads text only: it has no projector (mmproj) for images or sound; use a model that has one"))
      #expect(own.body.contains(#""code":"unsupported_input""#))
      let foreign = try await SharedDaemon.current.curl(
        "/v1/chat/completions",
        body: Self.chat(content: #"{"type":"image_url","image_url":{"url":"http://127.0.0.1:1/x.png"}}"#))
      #expect(foreign.status == 400)
      #expect(foreign.body.contains(#""code":"image_url_not_allowed""#))
    }

    @Test func tokensAreCountedAndTurnedBack() async throws {
      for prefix in ["", "/v1", "/engines", "/engines/llama.cpp/v1"] {
        let made = try await SharedDaemon.current.curl(
          prefix + "/tokenize", body: #"{"model":"petrel/demo","content":"hello whale"}"#)
        #expect(made.status == 200)
        let tokens = made.body.replacing("{", with: #"{"model":"petrel/demo","#)
        let text = try await SharedDaemon.current.curl(prefix + "/detokenize", body: tokens)
        #expect(text.body.contains("hello whale"))
      }
      let unknown = try await SharedDaemon.current.curl("/tokenize", body: #"{"content":"x"}"#)
      #expect(unknown.status == 400)
      #expect(unknown.body.contains(#""code":"missing_model""#))
    }

    @Test func embeddingsTakeTheWholeContext() async throws {
      for (path, name) in [("/v1/embeddings", "input"), ("/api/embed", "input"), ("/api/embeddings", "prompt")] {
        let long = String(repeating: "whales ", count: 1500)
        let answer = try await SharedDaemon.current.curl(path, body: #"{"model":"petrel/demo","\#(name)":"\#(long)"}"#)
        #expect(answer.status == 200, "\(answer.body.prefix(300))")
      }
    }

    @Test func aModelThatHearsNothingSaysSo() async throws {
      let daemon = try SharedDaemon.current
      try daemon.scratch.write(SilentSound.wav, to: "a.wav")
      let answer = try await daemon.curl(
        "/v1/audio/transcriptions",
        options: "-F", "model=petrel/demo", "-F", "file=@\(daemon.scratch.folder.appending("a.wav").string)")
      #expect(answer.status == 400)
      #expect(answer.body.contains(#""code":"unsupported_input""#), "\(answer.body)")
    }

    @Test func anInputThatIsTooLongForEmbeddingsHasBothCounts() async throws {
      let long = String(repeating: "whales ", count: 9000)
      let answer = try await SharedDaemon.current.curl(
        "/v1/embeddings", body: #"{"model":"petrel/demo","input":"\#(long)"}"#)
      #expect(answer.status == 400)
      #expect(answer.body.contains(#""code":"context_length_exceeded""#))
      #expect(answer.body.contains("n_prompt_tokens"))
      #expect(answer.body.contains("n_ctx"))
    }
  }
}
