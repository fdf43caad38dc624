// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin

  extension SystemMemory {
    /// Free, inactive and purgeable pages. Source: <mach/vm_statistics.h>.
    static var darwin: SystemMemory? {
      var total: Int64 = 0
      var size = MemoryLayout<Int64>.size
      guard sysctlbyname("hw.memsize", &total, &size, nil, 0) == 0 else { return nil }
      var statistics = vm_statistics64()
      var count = mach_msg_type_number_t(MemoryLayout<vm_statistics64>.size / MemoryLayout<integer_t>.size)
      let host = mach_host_self()
      defer { mach_port_deallocate(mach_task_self_, host) }
      let result = withUnsafeMutablePointer(to: &statistics) { pointer in
        pointer.withMemoryRebound(to: integer_t.self, capacity: Int(count)) {
          host_statistics64(host, HOST_VM_INFO64, $0, &count)
        }
      }
      guard result == KERN_SUCCESS else { return nil }
      let pages =
        Int64(statistics.free_count) + Int64(statistics.inactive_count) + Int64(statistics.purgeable_count)
      return SystemMemory(total: total, available: min(total, pages * Int64(sysconf(_SC_PAGESIZE))))
    }
  }

  extension ProcessMemory {
    /// What the system holds against the process, which leaves out clean pages of files; these are the rest of what is
    /// resident. Source: <sys/resource.h>.
    static func darwin(_ pid: Int32) -> ProcessMemory? {
      var usage = rusage_info_v2()
      let result = withUnsafeMutablePointer(to: &usage) { pointer in
        pointer.withMemoryRebound(to: rusage_info_t?.self, capacity: 1) {
          proc_pid_rusage(pid, RUSAGE_INFO_V2, $0)
        }
      }
      guard result == 0 else { return nil }
      let footprint = Int64(clamping: usage.ri_phys_footprint)
      return ProcessMemory(
        anonymous: footprint, files: max(0, Int64(clamping: usage.ri_resident_size) - footprint))
    }
  }
#endif
