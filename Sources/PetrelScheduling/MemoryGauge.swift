// SPDX-License-Identifier: Apache-2.0

import PetrelMemory
import PetrelProcess

/// Where the scheduler learns about memory.
package struct MemoryGauge: Sendable {
  /// Nil when nobody knows; then engines are not kept from starting.
  var system: @Sendable () -> SystemMemory?
  var process: @Sendable (Int32) -> ProcessMemory?
  /// For all engines together; nil for what the machine has.
  var limit: ByteCount?

  package init(
    system: @escaping @Sendable () -> SystemMemory?, process: @escaping @Sendable (Int32) -> ProcessMemory?,
    limit: ByteCount? = nil
  ) {
    self.system = system
    self.process = process
    self.limit = limit
  }

  /// The machine's memory, or that of the container that the daemon runs in.
  package static func machine(limit: ByteCount? = nil) -> MemoryGauge {
    MemoryGauge(system: { SystemMemory.current }, process: { ProcessMemory.of($0) }, limit: limit)
  }

  /// Knows nothing, and lets everything start.
  package static let blind = MemoryGauge(system: { nil }, process: { _ in nil })

  /// - Parameters:
  ///   - engines: what loaded engines take.
  ///   - promised: what engines that are being loaded are expected to take.
  func free(engines: some Sequence<ProcessMemory>, promised: ByteCount) -> FreeMemory? {
    guard let system = system() else { return nil }
    return FreeMemory(
      limit: limit, total: ByteCount(system.total), available: ByteCount(system.available),
      held: engines.map { ByteCount($0.total) }.total, heldFiles: engines.map { ByteCount($0.files) }.total,
      promised: promised)
  }
}
