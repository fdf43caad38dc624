// SPDX-License-Identifier: Apache-2.0

import PetrelOllama
import PetrelWire

/// A request of the given body.
func request(_ text: String, _ defaults: OllamaDefaults = OllamaDefaults()) throws -> OllamaRequest {
  try OllamaRequest(try JSONNode(parsing: text), defaults)
}

func chat(_ text: String) throws -> OllamaChat { try OllamaChat(try request(text)) }
func generate(_ text: String) throws -> OllamaGenerate { try OllamaGenerate(try request(text)) }

/// What goes to the engine.
func body(_ bytes: [UInt8]?) throws -> JSONNode {
  guard let bytes else { throw OllamaError("there is no body") }
  return try JSONNode(parsing: String(decoding: bytes, as: UTF8.self))
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
func text(_ node: JSONNode?) -> String { node.map { text($0.bytes) } ?? "none" }

/// A second of 2026.
let moment = OllamaMoment(wall: 1_795_275_952_000_000_000, steady: 5_000_000_000)
func moment(after nanoseconds: Int64) -> OllamaMoment {
  OllamaMoment(wall: moment.wall + nanoseconds, steady: moment.steady + nanoseconds)
}
