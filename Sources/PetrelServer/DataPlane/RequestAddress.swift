// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelWire

/// What the daemon reads of an inference request: whom it is for. The rest is the engine's.
struct RequestAddress: Sendable, Equatable {
  let model: String
  /// As in Ollama's requests: a duration, or seconds; negative for ever.
  let keepAlive: KeepAlive?
  /// Where the value of `messages` begins, when the rules ask for it.
  private(set) var messages: Int?

  /// What the address is made of.
  static let names: [StaticString] = ["model", "keep_alive"]

  /// Scans the body once.
  ///
  /// - Parameter rules: what is checked in the same pass.
  init(reading body: ByteBuffer, rules: ParameterRules = .none) throws(OpenAIError) {
    self = try body.withUnsafeReadableBytes { bytes -> Result<RequestAddress, OpenAIError> in
      do throws(JSONSyntaxError) {
        let envelope = try JSONEnvelope(scanning: bytes, for: rules.names)
        let address = Self.read(envelope, bytes)
        guard case .success(var address) = address else { return address }
        if let refusal = rules.check(envelope, bytes) { return .failure(refusal) }
        address.messages = envelope["messages"]?.range.lowerBound
        return .success(address)
      } catch {
        return .failure(OpenAIError(.badRequest, "invalid request: \(error)", code: "invalid_json"))
      }
    }.get()
  }

  private init(model: String, keepAlive: KeepAlive?) {
    self.model = model
    self.keepAlive = keepAlive
  }

  private static func read(
    _ envelope: JSONEnvelope, _ bytes: UnsafeRawBufferPointer
  ) -> Result<RequestAddress, OpenAIError> {
    if let value = envelope["model"], value.kind != .string, value.kind != .null {
      return .failure(OpenAIError(.badRequest, "model must be a string", code: "invalid_model", param: "model"))
    }
    guard let model = envelope.string("model", in: bytes), !model.isEmpty else {
      return .failure(OpenAIError(.badRequest, "model is required", code: "missing_model", param: "model"))
    }
    guard let value = envelope["keep_alive"] else { return .success(RequestAddress(model: model, keepAlive: nil)) }
    return keepAlive(value, envelope, bytes).map { RequestAddress(model: model, keepAlive: $0) }
  }

  private static func keepAlive(
    _ value: JSONEnvelope.Value, _ envelope: JSONEnvelope, _ bytes: UnsafeRawBufferPointer
  ) -> Result<KeepAlive?, OpenAIError> {
    switch value.kind {
    case .null: return .success(nil)
    case .number:
      let text = String(decoding: bytes[value.range], as: UTF8.self)
      return .success(Double(text).map(KeepAlive.init(seconds:)))
    case .string:
      do throws(KeepAliveError) {
        return .success(try KeepAlive(parsing: envelope.string("keep_alive", in: bytes) ?? ""))
      } catch {
        return .failure(OpenAIError(.badRequest, "\(error)", code: "invalid_keep_alive", param: "keep_alive"))
      }
    case .bool, .object, .array:
      return .failure(
        OpenAIError(
          .badRequest, "keep_alive must be a duration such as \"5m\", or a number of seconds",
          code: "invalid_keep_alive", param: "keep_alive"))
    }
  }
}
