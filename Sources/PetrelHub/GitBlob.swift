// SPDX-License-Identifier: Apache-2.0

import Crypto

/// How Git names a file's content. It tells a damaged download from a good one; trust comes from the connection.
///
/// Source: Git, "Git Internals - Git Objects".
package enum GitBlob {
  /// SHA-1 in hex of the header `blob <length>`, a NUL and the content.
  package static func hash(_ content: [UInt8]) -> String {
    var hash = Insecure.SHA1()
    hash.update(data: Array("blob \(content.count)\0".utf8))
    hash.update(data: content)
    return hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }
}
