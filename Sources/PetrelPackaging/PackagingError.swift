// SPDX-License-Identifier: Apache-2.0

/// Why local files could not be packaged, or an archive not be written or read.
package struct PackagingError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    case fileNotFound
    /// A directory, a pipe, a device, an empty file.
    case unsuitableFile
    case unreadableFile
    /// The file was written to while it was being packaged or sent.
    case fileChanged
    case notGGUF
    case missingShard
    case invalidContextSize
    case malformedArchive
    /// The archive ends too early.
    case truncatedArchive
    case invalidPath
    case invalidDigest
    case manifestTooLarge
    case manifestMissing
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
