// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a reference, digest, path or manifest.
package struct OCIError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    case invalidDigest
    case invalidReference
    case invalidPath
    case invalidManifest
    case unsupportedArtifact
  }

  package let code: Code
  /// A sentence for people.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
