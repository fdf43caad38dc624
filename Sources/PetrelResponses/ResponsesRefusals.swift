// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// What a request must not ask for: it would be ignored, and the client would not know.
enum ResponsesRefusals {
  /// Parts of answers that clients may ask for. Thoughts are in the answer anyway, in plain text.
  private static let includable: Set<String> = ["reasoning.encrypted_content"]

  static func check(_ request: JSONNode) throws(ResponsesError) {
    if request["background"]?.bool == true {
      throw ResponsesError("background", "can't be true: nothing generates without a client that waits for it")
    }
    if request.present("conversation") != nil {
      throw ResponsesError("conversation", "is not known here; use previous_response_id")
    }
    if request.present("prompt") != nil {
      throw ResponsesError("prompt", "names a template that only OpenAI has; send instructions and input")
    }
    if let truncation = request.present("truncation"), truncation.string != "disabled" {
      throw ResponsesError("truncation", "must be disabled: a prompt is never cut silently")
    }
    if let count = request.present("top_logprobs"), count.integer != 0 {
      throw ResponsesError("top_logprobs", "is not supported; chat completions have logprobs")
    }
    if let id = request.present("previous_response_id"), !id.isText {
      throw ResponsesError("previous_response_id", "must be a text")
    }
    if let include = request.present("include") {
      for item in include.elements ?? [include] where !includable.contains(item.string ?? "") {
        throw ResponsesError("include", "has \(item.serialized()), which is not supported")
      }
    }
    if let metadata = request.present("metadata"), metadata.members?.allSatisfy({ $0.value.isText }) != true {
      throw ResponsesError("metadata", "must be an object of texts")
    }
  }
}
