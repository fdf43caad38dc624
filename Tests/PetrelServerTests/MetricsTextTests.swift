// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelEngines
import PetrelOCI
import Testing

@testable import PetrelScheduling
@testable import PetrelServer

@Suite struct MetricsTextTests {
  @Test func `A histogram counts each value in the first bucket that holds it, and all below a bound`() {
    var histogram = Histogram(Histogram.Buckets(bounds: [1, 2.5]))
    for value in [0, 1, 1.5, 2.5, 7] { histogram.observe(value) }
    var more = Histogram(Histogram.Buckets(bounds: [1, 2.5]))
    more.observe(2)
    histogram.add(more)
    var text = MetricsText()
    text.family("x_seconds", .histogram, "Help.")
    text.sample("x_seconds", [("a", "b")], histogram)
    #expect(
      text.text == """
        # HELP x_seconds Help.
        # TYPE x_seconds histogram
        x_seconds_bucket{a="b",le="1"} 2
        x_seconds_bucket{a="b",le="2.5"} 5
        x_seconds_bucket{a="b",le="+Inf"} 6
        x_seconds_sum{a="b"} 14
        x_seconds_count{a="b"} 6

        """)
  }

  @Test func `Labels are escaped, and numbers read as Prometheus reads them`() {
    var text = MetricsText()
    text.sample("x", [("a", "q\"b\\c\nd")], 0.25)
    text.sample("y", [], 3_000_000_000)
    #expect(text.text == "x{a=\"q\\\"b\\\\c\\nd\"} 0.25\ny 3000000000\n")
  }

  @Test(arguments: [
    (#"{"usage":{"completion_tokens":8,"prompt_tokens":10,"total_tokens":18},"id":"x"}"#, 10, 8),
    (#"{"model":"m","usage":{"prompt_tokens":3,"total_tokens":3},"data":[]}"#, 3, 0),
    (#"data: {"timings":{"cache_n":9,"prompt_n":1,"predicted_n":3,"predicted_ms":1.8}}"#, 10, 3),
    (#"{"timings":{"prompt_n":1,"predicted_n":3},"usage":{"prompt_tokens":5,"completion_tokens":6}}"#, 5, 6),
    (#"{"usage":{"prompt_tokens":123456789012345678901234567890}}"#, 123_456_789, 0),
  ]) func `Tokens are found in what an engine says`(text: String, input: Int, output: Int) {
    let found = TokenUsage(in: ByteBuffer(string: text))
    #expect(found?.input == input && found?.output == output)
  }

  @Test(arguments: [
    "", "{}", #"{"usage":null}"#, #"{"usage":{"prompt_tokens":"#, #"{"usage":{"prompt_tokens":null}}"#,
    #"{"content":"\"usage\":{\"prompt_tokens\":5}"}"#,
  ]) func `What only looks like it is not taken for tokens`(text: String) {
    #expect(TokenUsage(in: ByteBuffer(string: text)) == nil)
  }

  @Test func tokensAreCountedWhereALongAnswerIsCut() {
    let counts = #""usage":{"prompt_tokens":3141,"completion_tokens":59,"total_tokens":3200}"#
    let filler = String(repeating: "x", count: 2000)
    let bytes = Array(#"{"a":"\#(filler)",\#(counts),"timings":{"prompt_n":1,"predicted_n":2},"b":"\#(filler)"}"#.utf8)
    for first in 1900..<2200 {
      var meter = RequestMeter(path: "/")
      meter.begin(status: 200, isEventStream: false)
      for piece in [bytes[..<first], bytes[first...]] { meter.received(ByteBuffer(bytes: piece)) }
      #expect(meter.usage == TokenUsage(input: 3141, output: 59), "\(first)")
    }
  }

  @Test(arguments: [true, false]) func tokensAreCountedWhereverAnAnswerIsCut(isStream: Bool) {
    let counts = #""usage":{"prompt_tokens":3141,"completion_tokens":59,"total_tokens":3200}}"#
    let text = isStream ? #"data: {"choices":[]}"# + "\n\n" + #"data: {"choices":[],\#(counts)"# + "\n\n" : "{\(counts)"
    for first in 0...text.utf8.count {
      for second in [first, (first + text.utf8.count) / 2] {
        let bytes = Array(text.utf8)
        var meter = RequestMeter(path: "/")
        meter.begin(status: 200, isEventStream: isStream)
        for piece in [bytes[..<first], bytes[first..<second], bytes[second...]] {
          meter.received(ByteBuffer(bytes: piece))
        }
        #expect(meter.usage == TokenUsage(input: 3141, output: 59), "\(first) \(second)")
      }
    }
  }

  @Test func `Tokens are found at both ends of a long answer`() {
    let vector = String(repeating: "0.125,", count: 10_000)
    let head = #"{"usage":{"prompt_tokens":3,"total_tokens":3},"data":["#
    #expect(TokenUsage(in: ByteBuffer(string: head + vector))?.input == 3)
    #expect(TokenUsage(in: ByteBuffer(string: vector + #"],"usage":{"prompt_tokens":4}}"#))?.input == 4)
  }

  @Test func `Engines' families are put together, each sample with its model`() {
    let one = """
      # HELP llamacpp:prompt_tokens_total Number of prompt tokens
      # TYPE llamacpp:prompt_tokens_total counter
      llamacpp:prompt_tokens_total 11
      # HELP llamacpp:n_tokens_max Largest
      # TYPE llamacpp:n_tokens_max counter
      llamacpp:n_tokens_max{slot="0"} 17
      no metric at all
      llamacpp:broken many
      """
    let two = """
      # HELP llamacpp:prompt_tokens_total Number of prompt tokens
      # TYPE llamacpp:prompt_tokens_total counter
      llamacpp:prompt_tokens_total 5
      """
    func text(_ names: EngineFamilies.Names) -> String {
      var families = EngineFamilies(names: names)
      families.add(one, [("model", "a")])
      families.add(two, [("model", "b")])
      return families.text
    }
    let clean = """
      # HELP llamacpp_prompt_tokens_total Number of prompt tokens
      # TYPE llamacpp_prompt_tokens_total counter
      llamacpp_prompt_tokens_total{model="a"} 11
      llamacpp_prompt_tokens_total{model="b"} 5
      # HELP llamacpp_n_tokens_max Largest
      # TYPE llamacpp_n_tokens_max gauge
      llamacpp_n_tokens_max{slot="0",model="a"} 17

      """
    #expect(text(.clean) == clean)
    #expect(
      text(.original)
        == clean.replacing("llamacpp_", with: "llamacpp:").replacing("n_tokens_max gauge", with: "n_tokens_max counter")
    )
  }

  @Test func `A model's numbers are under the name of its first load`() {
    let metrics = SchedulingMetrics()
    let key = RunnerKey(model: Digest(ofText: "m"), mode: .completion)
    metrics.note(SchedulingEvent(key, name: "ai/first", .loaded(after: .milliseconds(1500))))
    metrics.note(SchedulingEvent(key, name: "ai/first", .ended(.evicted)))
    metrics.note(SchedulingEvent(key, name: "ai/second", .loadFailed))
    var report = MetricsReport()
    report.scheduling = metrics.snapshot
    let labels = #"model="ai/first",mode="completion""#
    #expect(report.text.contains("petrel_model_load_duration_seconds_bucket{\(labels),le=\"1\"} 0\n"))
    #expect(report.text.contains("petrel_model_load_duration_seconds_bucket{\(labels),le=\"2.5\"} 1\n"))
    #expect(report.text.contains("petrel_model_load_failures_total{\(labels)} 1\n"))
    #expect(report.text.contains("petrel_runner_ends_total{\(labels),reason=\"evicted\"} 1\n"))
    #expect(report.text.contains("petrel_runner_ends_total{\(labels),reason=\"crashed\"} 0\n"))
  }
}
