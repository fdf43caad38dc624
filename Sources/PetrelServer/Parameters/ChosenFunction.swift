// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelWire

/// A request that wants one certain function called. llama.cpp takes its name for `auto`; what it does understand is that
/// some function must be called. With one function to choose from, that is the same.
enum ChosenFunction {
  /// The request with that function alone among its tools, and `tool_choice` as `required`. All other bytes stay.
  ///
  /// - Parameter body: a request whose parameters have been checked.
  /// - Returns: nil when the request does not choose a function.
  static func narrowed(_ body: ByteBuffer) -> ByteBuffer? {
    body.withUnsafeReadableBytes { bytes -> ByteBuffer? in
      guard JSONMemberSearch.contains("\"tool_choice\"", anchor: 5, in: bytes),
        let envelope = try? JSONEnvelope(scanning: bytes, for: ["tools", "tool_choice"]),
        let choice = envelope["tool_choice"], let tools = envelope["tools"],
        let name = StructuredParameters.chosenFunction(choice, bytes),
        let tool = StructuredParameters.tool(named: name, of: tools, bytes)
      else { return nil }
      var narrowed = ByteBuffer()
      narrowed.reserveCapacity(bytes.count)
      var position = 0
      func replace(_ range: Range<Int>, with write: (inout ByteBuffer) -> Void) {
        narrowed.writeBytes(bytes[position..<range.lowerBound])
        write(&narrowed)
        position = range.upperBound
      }
      let replaceTools = {
        replace(tools.range) { buffer in
          buffer.writeStaticString("[")
          buffer.writeBytes(bytes[tool.range])
          buffer.writeStaticString("]")
        }
      }
      let replaceChoice = { replace(choice.range) { _ = $0.writeStaticString("\"required\"") } }
      if tools.range.lowerBound < choice.range.lowerBound {
        replaceTools()
        replaceChoice()
      } else {
        replaceChoice()
        replaceTools()
      }
      narrowed.writeBytes(bytes[position...])
      return narrowed
    }
  }
}
