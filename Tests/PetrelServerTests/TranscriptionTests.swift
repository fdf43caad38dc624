// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelTestSupport
import PetrelWire
import Testing

@testable import PetrelServer

@Suite struct TranscriptionTests {
  private static let answer = #"{"type":"transcript.text.done","text":"héllo","usage":{"input_tokens":3}}"#

  private static func whole(_ text: String, _ status: String = "200 OK") -> String {
    "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
  }

  private static func form(
    _ fields: [(String, String)], file: String? = String(decoding: SoundBytes.wav, as: UTF8.self)
  ) -> String {
    fields.map { "--b1\r\nContent-Disposition: form-data; name=\"\($0)\"\r\n\r\n\($1)\r\n" }.joined()
      + (file.map { "--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n\($0)\r\n" } ?? "")
      + "--b1--\r\n"
  }

  private static let headers = "Content-Type: multipart/form-data; boundary=b1\r\nConnection: close\r\n"

  @Test(arguments: [
    "/v1/audio/transcriptions", "/engines/v1/audio/transcriptions", "/engines/llama.cpp/v1/audio/transcriptions",
    "/exp/vDD4.40/v1/audio/transcriptions",
  ]) func `The form goes to the engine as it came`(path: String) async throws {
    try await withLane({ _, channel in channel.send(Self.whole(Self.answer)) }) { lane in
      let form = Self.form([("model", LaneFixture.model), ("language", "en"), ("temperature", "0")])
      let answer = try await lane.post(form, to: path, headers: Self.headers).receiveAll()
      #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.hasSuffix(Self.answer))
      let seen = try #require(lane.engine.requests.first)
      #expect(seen.head.hasPrefix("POST /v1/audio/transcriptions HTTP/1.1\r\n"))
      #expect(seen.head.contains("\r\nContent-Type: multipart/form-data; boundary=\"b1\"\r\n"))
      #expect(seen.body == form)
      try await eventually("the request is recorded") { await !lane.records().isEmpty }
      let record = try JSONNode(parsing: try #require(await lane.records().first).request)
      #expect(record["language"] == "en" && record["file"] == "[44 bytes]")
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `A stream is handed on`() async throws {
    let events =
      #"data: {"type":"transcript.text.delta","delta":"hé"}"# + "\n\ndata: \(Self.answer)\n\ndata: [DONE]\n\n"
    try await withLane({ _, channel in
      channel.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: \(events.utf8.count)\r\n\r\n\(events)")
    }) { lane in
      let form = Self.form([("model", LaneFixture.model), ("stream", "true")])
      let client = try await lane.post(form, to: "/v1/audio/transcriptions", headers: Self.headers)
      let answer = try await client.receiveAll()
      #expect(answer.lowercased().contains("content-type: text/event-stream"))
      #expect(answer.contains(#"data: {"type":"transcript.text.delta","delta":"hé"}"# + "\n\n"))
      #expect(answer.contains("data: \(Self.answer)\n\n") && answer.contains("data: [DONE]\n\n"))
    }
  }

  @Test(
    arguments: [
      ([("model", "nope")], "404", "model_not_found"), ([], "400", "missing_model"),
      ([("model", LaneFixture.model), ("response_format", "srt")], "400", "response_format"),
      ([("model", LaneFixture.model), ("temperature", "warm")], "400", "temperature"),
      ([("model", LaneFixture.model), ("max_tokens", "-1")], "400", "max_tokens"),
      ([("model", LaneFixture.model), ("stream", "yes")], "400", "stream"),
      ([("model", LaneFixture.model), ("model", "other")], "400", "model"),
      ([("model", LaneFixture.model), ("file", "x")], "400", "file"),
      ([("model", LaneFixture.model), ("prompt", String(repeating: "x", count: 300_000))], "400", "prompt"),
      ([("model", LaneFixture.model), ("x\"; filename=\"b.wav", "x")], "400", "x"),
      ([("model", LaneFixture.model), ("keep_alive", "later")], "400", "keep_alive"),
    ] as [([(String, String)], String, String)])
  func `Mistakes are named before the engine sees them`(
    fields: [(String, String)], status: String, word: String
  ) async throws {
    try await withLane({ _, channel in channel.send(Self.whole(Self.answer)) }) { lane in
      let client = try await lane.post(Self.form(fields), to: "/v1/audio/transcriptions", headers: Self.headers)
      let answer = try await client.receiveAll()
      #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
      #expect(answer.contains("\"\(word)\""))
      #expect(lane.engine.requests.isEmpty)
    }
  }

  @Test func `What is no form, or has no file, is refused`() async throws {
    try await withLane({ _, channel in channel.send(Self.whole(Self.answer)) }) { lane in
      for (body, headers, word) in [
        (#"{"model":"ai/fake"}"#, "Content-Type: application/json\r\nConnection: close\r\n", "invalid_form"),
        ("--b1\r\nnothing", Self.headers, "invalid_form"),
        (Self.form([("model", LaneFixture.model)], file: nil), Self.headers, #""param":"file""#),
        (Self.form([("model", LaneFixture.model)], file: ""), Self.headers, #""param":"file""#),
        (Self.form([("model", LaneFixture.model)], file: "RIFF1234WEBPVP8 "), Self.headers, "invalid_audio"),
      ] {
        let answer = try await lane.post(body, to: "/v1/audio/transcriptions", headers: headers).receiveAll()
        #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(word), "\(answer)")
      }
      #expect(lane.engine.requests.isEmpty)
    }
  }

  @Test(arguments: [
    ("501 X", "The current model does not support audio input.", "400", "unsupported_input"),
    ("404 X", "File Not Found", "501", "not_supported"),
  ]) func `An engine or a model without it is told so`(
    status: String, message: String, answered: String, code: String
  ) async throws {
    let error = #"{"error":{"code":1,"message":"\#(message)","type":"not_supported_error"}}"#
    try await withLane({ _, channel in channel.send(Self.whole(error, status)) }) { lane in
      let form = Self.form([("model", LaneFixture.model)])
      let answer = try await lane.post(form, to: "/v1/audio/transcriptions", headers: Self.headers).receiveAll()
      #expect(answer.hasPrefix("HTTP/1.1 \(answered) ") && answer.contains("\"code\":\"\(code)\""))
    }
  }
}
