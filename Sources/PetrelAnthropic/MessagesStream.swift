// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// An engine's stream does not make sense.
package struct MessagesStreamError: Error, Sendable, Equatable {
  /// The engine's own status, when it reported an error.
  package let status: Int
  package let message: String
}

/// Puts a stream of chat completion chunks into Anthropic's events. Pure.
///
/// `message_start`, then for each block `content_block_start`, its deltas and `content_block_stop`, one block after the
/// other, then `message_delta` and `message_stop`. Source: Anthropic API documentation, "Streaming Messages".
package struct MessagesStream: Sendable {
  private enum Block: Equatable {
    case text, thinking
    /// With the call's index in the engine's stream.
    case call(Int)
  }

  /// What clients skip; sent while there is nothing else to say.
  package static let ping: [UInt8] = {
    var bytes: [UInt8] = []
    ServerSentEvent.append(["type": "ping"], named: "ping", to: &bytes)
    return bytes
  }()

  private let model: String
  private var hasStarted = false
  private var open: Block?
  private var blocks = 0
  private var calls: Set<Int> = []
  private var usage = MessagesUsage()
  private var finishReason: String?
  private var stoppingWord: String?

  /// - Parameter model: as the request wrote it.
  package init(model: String) { self.model = model }

  /// Appends what one chunk means.
  ///
  /// - Parameter data: the data of one event, not `[DONE]`.
  package mutating func translate(_ data: String, into output: inout [UInt8]) throws(MessagesStreamError) {
    guard let chunk = try? JSONNode(parsing: data), chunk.members != nil else {
      throw MessagesStreamError(status: 500, message: "the engine's stream has an event that is no JSON object")
    }
    if let error = chunk.present("error") {
      throw MessagesStreamError(
        status: error["code"]?.integer ?? 500,
        message: error["message"]?.string ?? error.string ?? "the engine gave no reason")
    }
    start(chunk, into: &output)
    if let counted = chunk.present("usage") { usage = MessagesUsage(counted) }
    guard let choice = chunk["choices"]?.elements?.first else { return }
    if let delta = choice.present("delta") { try add(delta, into: &output) }
    finishReason = choice["finish_reason"]?.string ?? finishReason
    stoppingWord = chunk["__verbose"]?["stopping_word"]?.string ?? stoppingWord
  }

  /// Appends what ends the message.
  package mutating func finish(into output: inout [UInt8]) throws(MessagesStreamError) {
    guard hasStarted, finishReason != nil else {
      throw MessagesStreamError(status: 500, message: "the engine's stream ended before the answer did")
    }
    close(into: &output)
    let stop = MessagesStop(finishReason: finishReason, word: stoppingWord)
    ServerSentEvent.append(
      [
        "type": "message_delta", "delta": ["stop_reason": stop.reason, "stop_sequence": stop.sequence],
        "usage": usage.node,
      ], named: "message_delta", to: &output)
    ServerSentEvent.append(["type": "message_stop"], named: "message_stop", to: &output)
  }

  // MARK: Parts

  private mutating func start(_ chunk: JSONNode, into output: inout [UInt8]) {
    let progress = chunk.present("prompt_progress")
    guard !hasStarted else {
      // The engine reads a long prompt: it says so, and the client learns that it is alive.
      if progress != nil { output.append(contentsOf: Self.ping) }
      return
    }
    hasStarted = true
    if let progress { usage = MessagesUsage(progress: progress) }
    ServerSentEvent.append(
      [
        "type": "message_start",
        "message": [
          "id": .string(MessagesAnswer.id(chunk["id"]?.string)), "type": "message", "role": "assistant",
          "model": .string(model), "content": [], "stop_reason": nil, "stop_sequence": nil, "usage": usage.node,
        ],
      ], named: "message_start", to: &output)
    output.append(contentsOf: Self.ping)
  }

  private mutating func add(_ delta: JSONNode, into output: inout [UInt8]) throws(MessagesStreamError) {
    if let text = delta["reasoning_content"]?.string, !text.isEmpty {
      if open != .thinking { begin(.thinking, ["type": "thinking", "thinking": "", "signature": ""], into: &output) }
      append(["type": "thinking_delta", "thinking": .string(text)], into: &output)
    }
    if let text = delta["content"]?.string, !text.isEmpty {
      if open != .text { begin(.text, ["type": "text", "text": ""], into: &output) }
      append(["type": "text_delta", "text": .string(text)], into: &output)
    }
    for call in delta["tool_calls"]?.elements ?? [] { try add(call: call, into: &output) }
  }

  private mutating func add(call: JSONNode, into output: inout [UInt8]) throws(MessagesStreamError) {
    let index = call["index"]?.integer ?? 0
    if open != .call(index) {
      guard calls.insert(index).inserted else {
        throw MessagesStreamError(status: 500, message: "the engine mixes the arguments of several tool calls")
      }
      begin(
        .call(index),
        [
          "type": "tool_use", "id": .string(call["id"]?.string ?? "call_\(index)"),
          "name": .string(call["function"]?["name"]?.string ?? ""), "input": [:],
        ], into: &output)
    }
    if let arguments = call["function"]?["arguments"]?.string, !arguments.isEmpty {
      append(["type": "input_json_delta", "partial_json": .string(arguments)], into: &output)
    }
  }

  private mutating func begin(_ block: Block, _ content: JSONNode, into output: inout [UInt8]) {
    close(into: &output)
    open = block
    ServerSentEvent.append(
      ["type": "content_block_start", "index": .number(blocks), "content_block": content],
      named: "content_block_start", to: &output)
  }

  private func append(_ delta: JSONNode, into output: inout [UInt8]) {
    ServerSentEvent.append(
      ["type": "content_block_delta", "index": .number(blocks), "delta": delta], named: "content_block_delta",
      to: &output)
  }

  private mutating func close(into output: inout [UInt8]) {
    guard let block = open else { return }
    // Local models sign nothing; clients wait for the event.
    if block == .thinking { append(["type": "signature_delta", "signature": ""], into: &output) }
    ServerSentEvent.append(
      ["type": "content_block_stop", "index": .number(blocks)], named: "content_block_stop", to: &output)
    open = nil
    blocks += 1
  }
}
