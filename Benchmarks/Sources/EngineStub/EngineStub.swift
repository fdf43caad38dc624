// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import SystemPackage

/// Stands in for `llama-server` and answers at once, so that a benchmark measures only what is in front of it.
///
/// Arguments: `--host <path>.sock` is the Unix socket to listen on, `--tcp-port <port>` a port of the loopback address
/// to listen on as well. All others are ignored. `<path>.sock.ready` gets the moment at which it was ready, in nanoseconds
/// of the monotonic clock.
@main
enum EngineStub {
  static func main() async throws {
    let arguments = CommandLine.arguments
    func value(of name: String) -> String? {
      guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
      return arguments[index + 1]
    }
    guard let socket = value(of: "--host"), socket.hasSuffix(".sock") else {
      throw UsageError(description: "llama-server stub: --host must be the path of a Unix socket that ends in .sock")
    }
    // One loop: the stub is to take one core at most, and to serve all peers alike.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 256)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(FixedAnswers())
        }
      }
    let listener = try await bootstrap.bind(unixDomainSocketPath: socket, cleanupExistingSocketFile: true).get()
    if let port = value(of: "--tcp-port").flatMap(Int.init) {
      _ = try await bootstrap.bind(host: "127.0.0.1", port: port).get()
    }
    let moment = "\(NIODeadline.now().uptimeNanoseconds)"
    let ready = try FileDescriptor.open(
      FilePath(socket + ".ready"), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    try ready.closeAfter { _ = try ready.writeAll(moment.utf8) }
    try await listener.closeFuture.get()
  }
}

struct UsageError: Error, CustomStringConvertible {
  let description: String
}
