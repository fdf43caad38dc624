// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI

/// A recorded request with what it is found by.
package struct StoredRecord: Sendable, Equatable {
  package var model: Digest
  /// The mode of the engine that answered.
  package var mode: String
  /// Nanoseconds since 1970, when the request came.
  package var time: Int64
  package var record: RequestRecord

  package init(model: Digest, mode: String, time: Int64, record: RequestRecord) {
    self.model = model
    self.mode = mode
    self.time = time
    self.record = record
  }
}

/// How much is kept. The oldest records go first.
package struct RecordLimits: Sendable, Equatable {
  /// Bytes of the database. The file may be larger by what SQLite needs while it writes: some MiB.
  package var bytes: Int64
  package var age: Duration

  package init(bytes: Int64 = 64 * 1_048_576, age: Duration = .seconds(7 * 24 * 3600)) {
    self.bytes = bytes
    self.age = age
  }
}
