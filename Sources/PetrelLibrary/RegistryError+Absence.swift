// SPDX-License-Identifier: Apache-2.0

import PetrelRegistry

extension RegistryError {
  /// Whether the source could not be asked, rather than having said no.
  var isAbsence: Bool {
    switch code {
    case .connection, .stalled, .truncated, .unavailable: true
    default: false
    }
  }
}
