// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelScheduling

/// What the requests of one event loop have come to. Bound to that loop: counting takes no lock, and who wants to read
/// comes to the loop.
final class LoopMetrics {
  /// What is counted together.
  struct Series: Sendable {
    let key: RunnerKey
    let path: String
    let status: Int

    var requests = Histogram(.duration)
    var firstToken = Histogram(.firstToken)
    var outputToken = Histogram(.outputToken)
    var input = Histogram(.tokens)
    var output = Histogram(.tokens)
  }

  /// Requests that got no place at an engine.
  struct Refusal: Hashable, Sendable {
    let path: String
    let status: Int
  }

  struct Snapshot: Sendable {
    var series: [Series] = []
    var refusals: [Refusal: UInt64] = [:]
    var queueWait = Histogram(.duration)
  }

  private static let maximumSeries = 2048

  private(set) var snapshot = Snapshot()

  /// A request that was given to an engine is over.
  func count(_ meter: RequestMeter, _ lease: RunnerLease) {
    let end = NIODeadline.now()
    let index = index(lease, meter)
    snapshot.series[index].requests.observe(Self.seconds(end - meter.start))
    if let usage = meter.usage {
      snapshot.series[index].input.observe(Double(usage.input))
      if usage.output > 0 { snapshot.series[index].output.observe(Double(usage.output)) }
    }
    guard let first = meter.firstBody else { return }
    snapshot.series[index].firstToken.observe(Self.seconds(first - meter.start))
    if let output = meter.usage?.output, output > 1 {
      snapshot.series[index].outputToken.observe(Self.seconds(end - first) / Double(output - 1))
    }
  }

  /// A request was answered without an engine.
  func countRefusal(path: String, status: Int) {
    snapshot.refusals[Refusal(path: path, status: status), default: 0] += 1
  }

  /// A request has waited for its place at an engine, perhaps while that was loaded.
  func countWait(since start: NIODeadline) {
    snapshot.queueWait.observe(Self.seconds(.now() - start))
  }

  /// Few series are in use at a time, so that a search is faster than a table with hashes.
  private func index(_ lease: RunnerLease, _ meter: RequestMeter) -> Int {
    let found = snapshot.series.firstIndex {
      $0.status == meter.status && $0.path == meter.path && $0.key == lease.key
    }
    if let found { return found }
    // The oldest start anew, as counters may.
    if snapshot.series.count >= Self.maximumSeries { snapshot.series.removeFirst() }
    snapshot.series.append(Series(key: lease.key, path: meter.path, status: meter.status))
    return snapshot.series.count - 1
  }

  private static func seconds(_ time: TimeAmount) -> Double { Double(time.nanoseconds) / 1e9 }
}
