// SPDX-License-Identifier: Apache-2.0

import Dispatch
import SystemPackage

/// Standard input, or a test's script of it.
package struct TextInput: Sendable {
  package let isTerminal: Bool
  /// Whether it is a pipe, file or socket, so that its content belongs to the command.
  package let isRedirected: Bool
  private let waiter: @Sendable (Duration) async -> Bool
  private let reader: @Sendable (Int) async throws -> [UInt8]

  /// - Parameters:
  ///   - waiter: whether a read would return at once, after waiting for at most the given time.
  ///   - reader: some bytes, at most as many as asked for; none at the end.
  package init(
    isTerminal: Bool, isRedirected: Bool, waiter: @escaping @Sendable (Duration) async -> Bool,
    reader: @escaping @Sendable (Int) async throws -> [UInt8]
  ) {
    self.isTerminal = isTerminal
    self.isRedirected = isRedirected
    self.waiter = waiter
    self.reader = reader
  }

  package init(_ descriptor: FileDescriptor) {
    let device = TerminalDevice(descriptor)
    self.init(isTerminal: device.isTerminal, isRedirected: device.isRedirected) { duration in
      let milliseconds = Int32(min(duration / .milliseconds(1), 1e9))
      return await onBlockingThread { device.isReadable(within: milliseconds) }
    } reader: { count in
      // Reads in short waits, so that a cancelled command does not hang on a silent pipe.
      while !(await onBlockingThread { device.isReadable(within: 200) }) { try Task.checkCancellation() }
      return try await onBlockingThread {
        do {
          return try [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            used = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
          }
        } catch {
          throw TerminalError(.inputFailed, "cannot read standard input: \(error)")
        }
      }
    }
  }

  package func isReadable(within duration: Duration) async -> Bool { await waiter(duration) }

  package func read(upTo count: Int) async throws -> [UInt8] { try await reader(count) }

  /// Everything until the end, as text.
  package func readAll(limit: Int) async throws -> String {
    var bytes: [UInt8] = []
    while true {
      let piece = try await read(upTo: 64 << 10)
      if piece.isEmpty { return String(decoding: bytes, as: UTF8.self) }
      bytes += piece
      guard bytes.count <= limit else {
        throw TerminalError(.inputTooLong, "standard input has more than \(limit) bytes; send a smaller prompt")
      }
    }
  }
}

/// Blocking calls must not occupy the threads that run tasks.
private func onBlockingThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue.global().async { continuation.resume(with: Result { try work() }) }
  }
}

private func onBlockingThread<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    DispatchQueue.global().async { continuation.resume(returning: work()) }
  }
}
