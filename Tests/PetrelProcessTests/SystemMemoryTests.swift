// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelProcess

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite struct SystemMemoryTests {
  private static let meminfo = """
    MemTotal:       24684092 kB
    MemFree:        17192000 kB
    MemAvailable:   23104972 kB
    """

  private func memory(_ files: [String: String]) async throws -> SystemMemory? {
    try await withTemporaryFolder { folder in
      for (path, text) in files { try folder.appending(path).write(text) }
      return SystemMemory.linux(proc: folder.appending("proc"), cgroups: folder.appending("cgroup"))
    }
  }

  @Test func `Without control groups it is the machine's`() async throws {
    let found = try #require(try await memory(["proc/meminfo": Self.meminfo]))
    #expect(found == SystemMemory(total: 24_684_092 << 10, available: 23_104_972 << 10))
    #expect(try await memory([:]) == nil)
  }

  @Test func `The narrowest group of version 2 counts, and files in it are free`() async throws {
    let found = try await memory([
      "proc/meminfo": Self.meminfo, "proc/self/cgroup": "0::/user.slice/petrel\n",
      "cgroup/user.slice/memory.max": "8589934592\n", "cgroup/user.slice/memory.current": "4294967296\n",
      "cgroup/user.slice/memory.stat": "anon 1\n", "cgroup/user.slice/petrel/memory.max": "2147483648\n",
      "cgroup/user.slice/petrel/memory.current": "1073741824\n",
      "cgroup/user.slice/petrel/memory.stat": "anon 5\nactive_file 268435456\ninactive_file 268435456\n",
    ])
    #expect(found == SystemMemory(total: 2 << 30, available: 3 << 29))
  }

  @Test func `A group without a limit is none`() async throws {
    let found = try await memory([
      "proc/meminfo": Self.meminfo, "proc/self/cgroup": "0::/\n", "cgroup/memory.max": "max\n",
      "cgroup/memory.current": "1073741824\n",
    ])
    #expect(found?.total == 24_684_092 << 10)
  }

  @Test func `Version 1 is understood, also where the path is one of the host's`() async throws {
    let found = try await memory([
      "proc/meminfo": Self.meminfo, "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/0123\n",
      "cgroup/memory/memory.limit_in_bytes": "1073741824\n", "cgroup/memory/memory.usage_in_bytes": "943718400\n",
      "cgroup/memory/memory.stat": "cache 1\ntotal_active_file 104857600\ntotal_inactive_file 209715200\n",
    ])
    #expect(found == SystemMemory(total: 1 << 30, available: (1 << 30) - 629_145_600))
  }

  @Test func `This system and this process can be measured`() throws {
    let system = try #require(SystemMemory.current)
    #expect(system.available > 0 && system.available <= system.total)
    let process = try #require(ProcessMemory.of(getpid()))
    #expect(process.total > 1 << 20 && process.total < system.total)
    #expect(ProcessMemory.of(Int32.max) == nil)
  }
}
