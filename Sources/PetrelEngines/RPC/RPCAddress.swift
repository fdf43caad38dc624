// SPDX-License-Identifier: Apache-2.0

/// Addresses of llama.cpp's RPC workers, as they stand on an engine's command line.
package enum RPCAddress {
  private static let limit = 64

  /// - Parameter workers: `HOST:PORT` each, with a name or an IPv4 address.
  /// - Throws: ``EngineError`` with code `invalidSettings`.
  static func check(_ workers: [String]) throws(EngineError) {
    guard !workers.isEmpty, workers.count <= limit else {
      throw EngineError(.invalidSettings, "rpc has \(workers.count) workers, but it must be from 1 to \(limit)")
    }
    for worker in workers where !isAddress(worker) {
      throw EngineError(
        .invalidSettings,
        "invalid rpc worker \(quoted(worker)): it must be HOST:PORT, such as 192.168.1.7:50052")
    }
    guard Set(workers).count == workers.count else {
      throw EngineError(.invalidSettings, "a worker is named twice in rpc: \(workers.joined(separator: ","))")
    }
  }

  /// Whether this is a host's name or an IPv4 address, and no flag, path or list.
  package static func isHost(_ text: some StringProtocol) -> Bool {
    guard let first = text.utf8.first, isAlphanumeric(first), text.utf8.count <= 253 else { return false }
    return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
  }

  private static func isAddress(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, isHost(parts[0]), let port = UInt16(parts[1]), port > 0 else { return false }
    // No sign and no leading zero.
    return String(port) == parts[1]
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  private static func quoted(_ text: String) -> String {
    "\"" + String(text.prefix(100)).filter { !$0.isNewline } + "\""
  }
}
