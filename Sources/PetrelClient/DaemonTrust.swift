// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// Which certificates a daemon behind `https` may have.
package struct DaemonTrust: Hashable, Sendable {
  /// PEM files with authorities, trusted beside the system's.
  package var authorityFiles: [String]
  /// False: any certificate will do.
  package var verifies: Bool

  package init(authorityFiles: [String] = [], verifies: Bool = true) {
    self.authorityFiles = authorityFiles
    self.verifies = verifies
  }

  var configuration: TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.additionalTrustRoots = authorityFiles.map { .file($0) }
    if !verifies { configuration.certificateVerification = .none }
    return configuration
  }
}
