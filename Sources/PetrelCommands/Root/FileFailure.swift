// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Errors of file operations in words.
enum FileFailure {
  /// The system's own reason where there is one: `Permission denied`.
  static func reason(_ error: any Error) -> String {
    if let error = error as? CocoaError, let cause = error.underlying as? POSIXError {
      return "\(Errno(rawValue: cause.code.rawValue))"
    }
    return "\(error)"
  }
}
