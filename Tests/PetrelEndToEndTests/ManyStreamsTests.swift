// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import SystemPackage
import Testing

#if os(Linux)
  extension EndToEnd {
    /// Very many answers at a time that nobody reads, or in which nothing happens.
    @Suite struct ManyStreamsTests {
      private static let streams = 1000
      /// One in so many is a flood that its client does not read.
      private static let everyFlood = 100

      private func open(_ word: String, _ daemon: Daemon, isReading: Bool) async throws -> RawClient {
        let body = Ask.chat(word, #","stream":true"#)
        // Left to itself the kernel may keep a whole flood.
        let client = try await RawClient.connect(port: daemon.port, receiveBuffer: 64 * 1024)
        if !isReading { try await client.setReading(false) }
        try await client.send(
          "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return client
      }

      /// Events of floods that the engine has got rid of.
      private func sent(_ daemon: Daemon) async throws -> Int {
        Int(try await daemon.engine(1, "/sent")) ?? 0
      }

      @Test func aThousandStreamsHoldNobodyUp() async throws {
        try await Scratch.with { scratch in
          let engine = try StreamingEngine.install(in: scratch)
          try await Daemon.with(in: scratch, environment: ["LLAMA_SERVER_PATH": engine]) { daemon in
            try await daemon.packageDemoModel()
            #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
            let (files, memory) = (try daemon.openFiles(), try daemon.ownMemory())

            var quiet: [RawClient] = []
            var floods: [RawClient] = []
            for number in 0..<Self.streams {
              if number % Self.everyFlood == 0 {
                floods.append(try await open("flood", daemon, isReading: false))
              } else {
                quiet.append(try await open("quiet", daemon, isReading: true))
              }
            }
            for client in quiet {
              try await eventually("its first event") { client.receivedCount > 900 }
            }
            // Until nothing moves any more: all that stands between engine and clients is full.
            var (last, same) = (-1, 0)
            try await eventually("the floods stand still") {
              let now = try await sent(daemon)
              same = now == last ? same + 1 : 0
              last = now
              return same > 10
            }
            #expect(last < floods.count * StreamingEngine.floodEvents, "the engine is held back")
            #expect(try daemon.openFiles() > 2 * Self.streams)
            #expect(try daemon.ownMemory() - memory < 64 * 1024, "KiB; a flood alone has 24,000")
            for _ in 0..<20 {
              let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"))
              #expect(answer.status == 200 && answer.body.contains("here"))
            }
            // Whoever reads on gets everything.
            let client = floods[0]
            try await client.setReading(true)
            try await eventually("its end") { client.isClosed }
            #expect(client.received.hasSuffix("data: [DONE]\n\n\r\n0\r\n\r\n"))
            #expect(client.receivedCount > StreamingEngine.floodEvents * StreamingEngine.eventSize)
            for client in quiet + floods { await client.close() }
            try await daemon.idle()
            try await eventually("no descriptor is left over") { try daemon.openFiles() <= files + 16 }
            #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
          }
        }
      }
    }
  }
#endif
