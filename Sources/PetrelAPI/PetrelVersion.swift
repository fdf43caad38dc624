// SPDX-License-Identifier: Apache-2.0

/// The version of this build of Petrel, the same for daemon and command line.
package enum PetrelVersion {
  package static let current = "0.1.0"
}
