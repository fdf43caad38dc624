// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelEngines
import PetrelHTTP
import PetrelLibrary
import PetrelScheduling
import PetrelStore

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// `GET /metrics`: the daemon's own and its engines'.
struct MetricsRoutes: Sendable {
  let library: ModelLibrary
  let scheduler: Scheduler
  let pools: UpstreamPools
  let scheduling: SchedulingMetrics
  /// For requests to engines.
  let group: any EventLoopGroup

  /// With `?names=engine` the engines' families keep the names that the engines give them.
  func metrics(_ head: RequestHead) -> Route {
    guard head.isRead else { return APIServer.wrongMethod("GET", head) }
    let names = head.queryItem("names") == "engine" ? EngineFamilies.Names.original : .clean
    return .respond { [self] _, _ in
      let engines = await scheduler.engines()
      let report = await report(engines)
      var families = EngineFamilies(names: names)
      for (engine, text) in await texts(engines) {
        families.add(
          text,
          [
            ("backend", LlamaCpp.name), ("model", report.name(of: engine.key.model)),
            ("mode", engine.key.mode.rawValue),
          ])
      }
      return SimpleResponse(contentType: MetricsText.contentType, text: report.text + families.text)
    }
  }

  private func report(_ engines: [Scheduler.Engine]) async -> MetricsReport {
    var report = MetricsReport()
    report.requests = await pools.metrics()
    report.scheduling = scheduling.snapshot
    report.loading = await scheduler.loading().count
    let rows = Dictionary(scheduler.board.rows().map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    report.runners = engines.map { engine in
      MetricsReport.Runner(
        key: engine.key, isInUse: rows[engine.id]?.isInUse ?? false, waiting: rows[engine.id]?.waiting ?? 0,
        memory: ProcessFigures(of: engine.pid, withChildren: true)?.residentMemory)
    }
    if let usage = try? await library.usage() { report.store = (usage.models.count, usage.models.size) }
    report.ownMemory = ProcessFigures(of: getpid(), withChildren: false)?.residentMemory
    report.ownProcessorTime = ProcessFigures.ownProcessorTime
    report.version = PetrelVersion.current
    return report
  }

  /// What each engine says, in the engines' order. One that is silent, or was started without metrics, is left out.
  private func texts(_ engines: [Scheduler.Engine]) async -> [(Scheduler.Engine, String)] {
    await withTaskGroup(of: (Int, String?).self) { tasks in
      for (number, engine) in engines.enumerated() {
        tasks.addTask { (number, await EngineMetrics.text(of: engine.socket, group: group)) }
      }
      var texts: [Int: String] = [:]
      for await (number, text) in tasks { texts[number] = text }
      return engines.enumerated().compactMap { number, engine in texts[number].map { (engine, $0) } }
    }
  }
}
