// SPDX-License-Identifier: Apache-2.0

import PetrelEngines
import PetrelOCI
import PetrelScheduling

/// The daemon's own metrics as text. Pure.
///
/// Names and labels follow OpenTelemetry's semantic conventions for generative AI, as they read in Prometheus, where there
/// is one: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
struct MetricsReport {
  /// A runner that is loaded.
  struct Runner: Sendable {
    let key: RunnerKey
    let isInUse: Bool
    let waiting: Int
    /// Bytes; nil when the system does not tell.
    let memory: Int64?
  }

  var requests: [LoopMetrics.Snapshot] = []
  var scheduling = SchedulingMetrics.State()
  var runners: [Runner] = []
  var loading = 0
  /// Models and bytes; nil when the store can't be read.
  var store: (models: Int, size: Int64)?
  var ownMemory: Int64?
  var ownProcessorTime = 0.0
  var version = ""

  var text: String {
    var text = MetricsText()
    text.family("petrel_build_info", .gauge, "The daemon's version, as a label.")
    text.sample("petrel_build_info", [("version", version)], 1)
    writeRequests(&text)
    writeQueue(&text)
    writeModels(&text)
    writeMachine(&text)
    return text.text
  }

  /// The label of a model: how it was called when it was first loaded.
  func name(of model: Digest) -> String { scheduling.names[model] ?? model.description }

  // MARK: Requests

  private struct Route: Hashable, Comparable {
    let model: String
    let route: String
    let status: Int

    static func < (left: Route, right: Route) -> Bool {
      (left.model, left.route, left.status) < (right.model, right.route, right.status)
    }
  }

  private struct Operation: Hashable, Comparable {
    let model: String
    let operation: String
    let error: String

    static func < (left: Operation, right: Operation) -> Bool {
      (left.model, left.operation, left.error) < (right.model, right.operation, right.error)
    }

    var labels: MetricsText.Labels {
      [
        ("gen_ai_operation_name", operation), ("gen_ai_provider_name", LlamaCpp.name), ("gen_ai_request_model", model),
      ] + (error.isEmpty ? [] : [("error_type", error)])
    }
  }

  private struct Sums {
    var requests = Histogram(.duration)
    var firstToken = Histogram(.firstToken)
    var outputToken = Histogram(.outputToken)
    var input = Histogram(.tokens)
    var output = Histogram(.tokens)
  }

  private func writeRequests(_ text: inout MetricsText) {
    var counts: [Route: UInt64] = [:]
    var sums: [Operation: Sums] = [:]
    for series in requests.flatMap(\.series) {
      let model = name(of: series.key.model)
      counts[Route(model: model, route: series.path, status: series.status), default: 0] += series.requests.count
      let error = series.status < 400 ? "" : String(series.status)
      let operation = Operation(model: model, operation: Self.operation(series), error: error)
      sums[operation, default: Sums()].requests.add(series.requests)
      sums[operation, default: Sums()].firstToken.add(series.firstToken)
      sums[operation, default: Sums()].outputToken.add(series.outputToken)
      sums[operation, default: Sums()].input.add(series.input)
      sums[operation, default: Sums()].output.add(series.output)
    }
    for (refusal, count) in requests.flatMap(\.refusals) {
      counts[Route(model: "", route: refusal.path, status: refusal.status), default: 0] += count
    }
    text.family(
      "petrel_requests_total", .counter,
      "Inference requests by model, path and status; 499 where the client left, no model where none was reached.")
    for (route, count) in counts.sorted(by: { $0.key < $1.key }) {
      text.sample(
        "petrel_requests_total",
        [("model", route.model), ("route", route.route), ("status", String(route.status))], Double(count))
    }
    let ordered = sums.sorted { $0.key < $1.key }
    text.family("gen_ai_server_request_duration_seconds", .histogram, "From a request's head to the end of its answer.")
    for (key, sums) in ordered { text.sample("gen_ai_server_request_duration_seconds", key.labels, sums.requests) }
    text.family(
      "gen_ai_server_time_to_first_token_seconds", .histogram,
      "From a request's head to the first bytes of its answer, for streams.")
    for (key, sums) in ordered where sums.firstToken.count > 0 {
      text.sample("gen_ai_server_time_to_first_token_seconds", key.labels, sums.firstToken)
    }
    text.family(
      "gen_ai_server_time_per_output_token_seconds", .histogram,
      "Time for each token after the first, for streams.")
    for (key, sums) in ordered where sums.outputToken.count > 0 {
      text.sample("gen_ai_server_time_per_output_token_seconds", key.labels, sums.outputToken)
    }
    text.family("gen_ai_client_token_usage", .histogram, "Tokens of a request, as the engine counts them.")
    for (key, sums) in ordered {
      for (kind, histogram) in [("input", sums.input), ("output", sums.output)] where histogram.count > 0 {
        text.sample("gen_ai_client_token_usage", key.labels + [("gen_ai_token_type", kind)], histogram)
      }
    }
  }

  /// The convention's name for what a request is for.
  private static func operation(_ series: LoopMetrics.Series) -> String {
    switch series.key.mode {
    case .embedding: "embeddings"
    case .reranking: "rerank"
    case .completion:
      (series.path.hasSuffix("/completions") && !series.path.hasSuffix("/chat/completions"))
        || series.path.hasSuffix("/generate") ? "text_completion" : "chat"
    }
  }

  // MARK: Queue, models, machine

  private func labels(_ key: RunnerKey) -> MetricsText.Labels {
    [("model", name(of: key.model)), ("mode", key.mode.rawValue)]
  }

  private func writeQueue(_ text: inout MetricsText) {
    text.family("petrel_queue_requests", .gauge, "Requests that wait for a place at their model's engine.")
    for runner in runners { text.sample("petrel_queue_requests", labels(runner.key), Double(runner.waiting)) }
    var wait = Histogram(.duration)
    for snapshot in requests { wait.add(snapshot.queueWait) }
    text.family(
      "petrel_queue_wait_seconds", .histogram,
      "How long requests waited for a place at an engine that was not free or not loaded; others did not wait.")
    text.sample("petrel_queue_wait_seconds", [], wait)
  }

  private func writeModels(_ text: inout MetricsText) {
    text.family("petrel_runners", .gauge, "Engines by what they do.")
    let busy = runners.count { $0.isInUse }
    for (state, count) in [("busy", busy), ("idle", runners.count - busy), ("loading", loading)] {
      text.sample("petrel_runners", [("state", state)], Double(count))
    }
    text.family("petrel_runner_memory_bytes", .gauge, "Resident memory of a model's engine, mapped weights included.")
    for runner in runners {
      if let memory = runner.memory { text.sample("petrel_runner_memory_bytes", labels(runner.key), Double(memory)) }
    }
    let counts = scheduling.counts.sorted {
      ($0.key.model.hex, $0.key.mode.rawValue) < ($1.key.model.hex, $1.key.mode.rawValue)
    }
    text.family("petrel_model_load_duration_seconds", .histogram, "How long loads took that succeeded.")
    for (key, counts) in counts where counts.loads.count > 0 {
      text.sample("petrel_model_load_duration_seconds", labels(key), counts.loads)
    }
    text.family("petrel_model_load_failures_total", .counter, "Loads that failed.")
    for (key, counts) in counts {
      text.sample("petrel_model_load_failures_total", labels(key), Double(counts.failedLoads))
    }
    text.family(
      "petrel_runner_ends_total", .counter, "Engines that ended, by reason; evicted ones made room for others.")
    for (key, counts) in counts {
      for reason in SchedulingEvent.End.allCases {
        text.sample(
          "petrel_runner_ends_total", labels(key) + [("reason", reason.rawValue)], Double(counts.ends[reason] ?? 0))
      }
    }
    guard let store else { return }
    text.family("petrel_store_models", .gauge, "Models in the store.")
    text.sample("petrel_store_models", [], Double(store.models))
    text.family("petrel_store_size_bytes", .gauge, "What the store takes of the disk.")
    text.sample("petrel_store_size_bytes", [], Double(store.size))
  }

  private func writeMachine(_ text: inout MetricsText) {
    if let ownMemory {
      text.family("process_resident_memory_bytes", .gauge, "Resident memory of the daemon.")
      text.sample("process_resident_memory_bytes", [], Double(ownMemory))
    }
    text.family("process_cpu_seconds_total", .counter, "Processor time of the daemon.")
    text.sample("process_cpu_seconds_total", [], ownProcessorTime)
  }
}
