// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTar

/// Why local files could not be packaged, or an archive not be written or read.
package struct PackagingError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    case fileNotFound
    /// A directory, a pipe, a device, an empty file.
    case unsuitableFile
    case unreadableFile
    /// The file was written to while it was being packaged or sent.
    case fileChanged
    /// Neither name nor content says what kind of weights it is.
    case unknownFormat
    /// A folder without files, or without weights.
    case nothingToPackage
    case missingShard
    case invalidContextSize
    /// Things that do not go together, such as a context size and the CNCF format.
    case unsupportedCombination
    /// The model that a variant is to be made of cannot be read.
    case invalidModel
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

  init(_ error: TarError) {
    self.init(error.code == .truncated ? .truncatedArchive : .malformedArchive, error.message)
  }

  init(_ error: OCIError) { self.init(.invalidModel, error.message) }
}
