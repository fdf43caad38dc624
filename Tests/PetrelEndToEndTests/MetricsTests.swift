// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

extension EndToEnd {
  /// `GET /metrics`, read by Prometheus' own checker.
  @Suite struct MetricsTests {
    @Test func tellsOfRequestsEnginesAndTheMachine() async throws {
      try await Scratch.with { scratch in
        try await Daemon.with(in: scratch) { daemon in
          try await daemon.packageDemoModel()
          let before = try await daemon.curl("/metrics")
          #expect(before.status == 200)
          #expect(before.contentType == "text/plain; version=0.0.4; charset=utf-8")
          #expect(before.body.contains("\npetrel_store_models 1\n"))
          #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
          #expect(try await daemon.curl("/v1/chat/completions", body: Ask.stream(tokens: 5)).status == 200)
          #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("x", model: "no/such")).status == 404)

          let text = try await daemon.curl("/metrics").body
          let lines = Set(text.split(separator: "\n").map { String($0) })
          let route = #"route="/v1/chat/completions""#
          #expect(lines.contains(#"petrel_requests_total{model="petrel/demo",\#(route),status="200"} 2"#))
          #expect(lines.contains(#"petrel_requests_total{model="",\#(route),status="404"} 1"#))
          let labels =
            #"gen_ai_operation_name="chat",gen_ai_provider_name="llama.cpp",gen_ai_request_model="petrel/demo""#
          #expect(lines.contains("gen_ai_server_request_duration_seconds_count{\(labels)} 2"))
          #expect(lines.contains("gen_ai_server_time_to_first_token_seconds_count{\(labels)} 1"))
          #expect(lines.contains("gen_ai_server_time_per_output_token_seconds_count{\(labels)} 1"))
          #expect(lines.contains("gen_ai_client_token_usage_count{\(labels),gen_ai_token_type=\"output\"} 2"))
          let runner = #"model="petrel/demo",mode="completion""#
          #expect(lines.contains("petrel_model_load_duration_seconds_count{\(runner)} 1"))
          #expect(lines.contains(#"petrel_runners{state="idle"} 1"#))
          #expect(text.contains("\npetrel_runner_memory_bytes{\(runner)} "))
          #expect(text.contains("\nllamacpp_tokens_predicted_total{backend=\"llama.cpp\",\(runner)} "))
          try await check(scratch.write(before.body, to: "before.txt").string, in: scratch)
          try await check(scratch.write(text, to: "after.txt").string, in: scratch)

          let original = try await daemon.curl("/metrics?names=engine").body
          #expect(original.contains("\nllamacpp:tokens_predicted_total{backend=\"llama.cpp\",\(runner)} "))
          #expect(try await daemon.curl("/metrics", options: "--head").status == 200)
          #expect(try await daemon.curl("/metrics", body: "{}").status == 405)
        }
      }
    }

    @Test func canBeSwitchedOff() async throws {
      try await Scratch.with { scratch in
        try await Daemon.with(in: scratch, environment: ["DISABLE_METRICS": "true"]) { daemon in
          let status = try await daemon.curl("/metrics").status
          #expect(status == 404)
        }
      }
    }

    private func check(_ file: String, in scratch: Scratch) async throws {
      let checked = try await scratch.run("sh", ["-c", "promtool check metrics < '\(file)' 2>&1"])
      #expect(checked.output == "" && checked.status == 0)
    }
  }
}
