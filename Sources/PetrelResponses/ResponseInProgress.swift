// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// An engine's answer does not make sense, or is an error.
package struct ResponseFailure: Error, Sendable, Equatable {
  /// The engine's own status, when it reported an error.
  package let status: Int
  package let message: String

  package init(status: Int = 500, message: String) {
    self.status = status
    self.message = message
  }
}

/// One response from its request to its end: takes what the engine sends as chat completions, and gives the Responses
/// API's objects and events. Pure but for the ids and times that it is given.
///
/// Source of the events and their order: OpenAI API reference, "Streaming events" of responses.
package struct ResponseInProgress: Sendable {
  package let id: String
  private let created: Int64
  private let echo: ResponseEcho
  private let newID: @Sendable (String) -> String
  private var state = ResponseState()
  private var hasStarted = false
  private var sequence = 0
  private var open: OpenItem?
  private var calls: Set<Int> = []
  private var finishReason: String?

  /// - Parameters:
  ///   - id: `resp_…`.
  ///   - created: seconds since 1970.
  ///   - newID: makes the id of an item out of its prefix.
  package init(
    _ request: ResponsesRequest, id: String, created: Int64, newID: @escaping @Sendable (String) -> String
  ) {
    self.id = id
    self.created = created
    echo = request.echo
    self.newID = newID
  }

  /// The response object as it is now.
  ///
  /// - Parameter time: seconds since 1970.
  package func response(at time: Int64? = nil) -> JSONNode {
    echo.response(state, id: id, created: created, completed: time)
  }

  /// The items that are complete.
  package var output: [JSONNode] { state.output }
  package var status: String { state.status.rawValue }

  // MARK: An answer in one piece

  /// Takes a whole chat completion.
  package mutating func take(_ completion: JSONNode) throws(ResponseFailure) {
    guard let choice = completion["choices"]?.elements?.first, let message = choice["message"] else {
      throw ResponseFailure(message: "the engine's answer is no chat completion")
    }
    var ignored: [UInt8] = []
    try add(message, into: &ignored)
    close(into: &ignored)
    state.usage = completion.present("usage")
    state.end(finishReason: choice["finish_reason"]?.string)
  }

  // MARK: A stream

  /// Appends what one chunk means.
  ///
  /// - Parameter data: the data of one event, not `[DONE]`.
  package mutating func translate(_ data: String, into output: inout [UInt8]) throws(ResponseFailure) {
    guard let chunk = try? JSONNode(parsing: data), chunk.members != nil else {
      throw ResponseFailure(message: "the engine's stream has an event that is no JSON object")
    }
    if let error = chunk.present("error") {
      throw ResponseFailure(
        status: error["code"]?.integer ?? 500,
        message: error["message"]?.string ?? error.string ?? "the engine gave no reason")
    }
    start(into: &output)
    if let usage = chunk.present("usage") { state.usage = usage }
    guard let choice = chunk["choices"]?.elements?.first else { return }
    if let delta = choice.present("delta") { try add(delta, into: &output) }
    finishReason = choice["finish_reason"]?.string ?? finishReason
  }

  /// Ends the response at the end of the engine's stream. ``appendEnd(at:into:)`` tells the client.
  package mutating func finish(into output: inout [UInt8]) throws(ResponseFailure) {
    guard hasStarted, finishReason != nil else {
      throw ResponseFailure(message: "the engine's stream ended before the answer did")
    }
    close(into: &output)
    state.end(finishReason: finishReason)
  }

  /// Ends the response with an error. ``appendEnd(at:into:)`` tells the client.
  package mutating func fail(code: String, message: String, into output: inout [UInt8]) {
    start(into: &output)
    open = nil
    state.status = .failed
    state.error = (code, message)
  }

  /// Ends the response because a client wants no more of it.
  package mutating func cancel(into output: inout [UInt8]) {
    start(into: &output)
    close(into: &output)
    state.status = .cancelled
  }

  /// Appends the event that ends the stream.
  package mutating func appendEnd(at time: Int64, into output: inout [UInt8]) {
    let name =
      switch state.status {
      case .completed, .inProgress: "response.completed"
      case .incomplete: "response.incomplete"
      case .failed: "response.failed"
      // There is no event of that name; the status tells.
      case .cancelled: "response.incomplete"
      }
    append(name, [JSONMember("response", response(at: time))], into: &output)
  }

  private mutating func start(into output: inout [UInt8]) {
    guard !hasStarted else { return }
    hasStarted = true
    for name in ["response.created", "response.in_progress"] {
      append(name, [JSONMember("response", response())], into: &output)
    }
  }

  // MARK: Items

  /// - Parameter delta: a part of a message, or a whole one.
  private mutating func add(_ delta: JSONNode, into output: inout [UInt8]) throws(ResponseFailure) {
    let newID = newID
    if let text = delta["reasoning_content"]?.string, !text.isEmpty {
      try add(text, to: .reasoning, { OpenItem.reasoning(id: newID("rs")) }, into: &output)
    }
    if let text = delta["content"]?.string, !text.isEmpty {
      try add(text, to: .message, { OpenItem.message(id: newID("msg")) }, into: &output)
    }
    for (position, call) in (delta["tool_calls"]?.elements ?? []).enumerated() {
      let index = call["index"]?.integer ?? position
      let function = call["function"]
      try add(
        function?["arguments"]?.string ?? "", to: .call(index),
        {
          OpenItem.call(
            index, id: newID("fc"), callID: call["id"]?.string ?? newID("call"),
            name: function?["name"]?.string ?? "")
        }, into: &output)
    }
  }

  private mutating func add(
    _ text: String, to kind: OpenItem.Kind, _ make: () -> OpenItem, into output: inout [UInt8]
  ) throws(ResponseFailure) {
    if open?.kind != kind {
      close(into: &output)
      if case .call(let index) = kind, !calls.insert(index).inserted {
        throw ResponseFailure(message: "the engine mixes the arguments of several tool calls")
      }
      let item = make()
      open = item
      for event in item.opening(at: state.output.count) { append(event.name, event.members, into: &output) }
    }
    guard !text.isEmpty, let event = open?.add(text, at: state.output.count) else { return }
    append(event.name, event.members, into: &output)
  }

  private mutating func close(into output: inout [UInt8]) {
    guard let item = open else { return }
    open = nil
    for event in item.closing(at: state.output.count) { append(event.name, event.members, into: &output) }
    state.output.append(item.node(isComplete: true))
  }

  private mutating func append(_ name: String, _ members: [JSONMember], into output: inout [UInt8]) {
    let head = [JSONMember("type", .string(name)), JSONMember("sequence_number", .number(sequence))]
    sequence += 1
    ServerSentEvent.append(.object(head + members), named: name, to: &output)
  }
}
