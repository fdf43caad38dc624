// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// Sends the same streaming chat request over several connections at once and prints what came back, as JSON.
///
/// Usage: `chat-load <Unix socket> <connections> <JSON body>`. The body must ask for a stream with its usage.
@main
enum ChatLoad {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 4, let connections = Int(arguments[2]), connections > 0 else {
      throw LoadError(description: "usage: chat-load <Unix socket> <connections> <JSON body>")
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let streams = try await open(connections, to: arguments[1], body: arguments[3], group)

    let start = NIODeadline.now()
    for stream in streams { stream.send() }
    var answers: [StreamedAnswer] = []
    for stream in streams { answers.append(try await stream.answer.get()) }
    let end = NIODeadline.now()

    print(LoadResult(answers: answers, start: start, end: end).json)
    try await group.shutdownGracefully()
  }

  private static func open(
    _ connections: Int, to socket: String, body: String, _ group: MultiThreadedEventLoopGroup
  ) async throws -> [ChatStream] {
    let request = ByteBuffer(
      string: "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    var streams: [ChatStream] = []
    for _ in 0..<connections {
      let answer = group.next().makePromise(of: StreamedAnswer.self)
      let channel = try await ClientBootstrap(group: group)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(StreamReader(answer))
          }
        }
        .connect(unixDomainSocketPath: socket).get()
      streams.append(ChatStream(channel: channel, request: request, answer: answer.futureResult))
    }
    return streams
  }
}

/// One connection with its request.
struct ChatStream: Sendable {
  let channel: any Channel
  let request: ByteBuffer
  let answer: EventLoopFuture<StreamedAnswer>

  func send() { channel.writeAndFlush(request, promise: nil) }
}

struct LoadError: Error, CustomStringConvertible {
  let description: String
}
