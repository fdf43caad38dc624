// SPDX-License-Identifier: Apache-2.0

import Dispatch

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Turns SIGINT and SIGTERM into calls of ``Interrupts`` for as long as it lives.
final class SignalWatch {
  private let sources: [any DispatchSourceSignal]

  init(_ interrupts: Interrupts) {
    let queue = DispatchQueue(label: "petrel.signals")
    func watch(_ number: Int32, _ handler: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
      // The default action would end the process before the source hears of the signal.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler(handler: handler)
      source.resume()
      return source
    }
    sources = [
      watch(SIGINT) { interrupts.interrupt() },
      watch(SIGTERM) { interrupts.terminate() },
    ]
  }

  deinit {
    for source in sources { source.cancel() }
  }
}
