// SPDX-License-Identifier: Apache-2.0

#if os(Linux)
  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #endif
  import SystemPackage

  /// The pages of the program's file that have been touched, of which the start touches many that nothing needs later.
  enum ProgramPages {
    /// Takes those that are mapped read-only out of this process. What is needed again comes back from the page cache.
    ///
    /// Safe at any moment and for running threads, as such pages hold what the file holds and nothing else. Segments
    /// that may be written to are left alone: they hold relocated pointers, also where they have been made read-only
    /// since. Breakpoints that a debugger has set are lost.
    static func release() {
      let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
      for segment in readOnlySegments() {
        let start = (segment.lowerBound + page - 1) / page * page
        let end = segment.upperBound / page * page
        guard start < end else { continue }
        // Nothing is lost when the kernel refuses.
        _ = madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), Int32(MADV_DONTNEED))
      }
    }

    /// Addresses of the program's segments that are loaded and can't be written to. Empty when the kernel does not say
    /// where the program's headers are.
    static func readOnlySegments() -> [Range<UInt>] {
      // elf.h: AT_PHDR, AT_PHNUM.
      let known = auxiliaryVector()
      guard let address = known[3], let count = known[5],
        let table = UnsafePointer<Elf64_Phdr>(bitPattern: address)
      else { return [] }
      let headers = UnsafeBufferPointer(start: table, count: Int(count))
      // The table tells where it should be itself; the difference is where the program was put.
      guard let itself = headers.first(where: { $0.p_type == UInt32(PT_PHDR) }) else { return [] }
      let base = address - UInt(itself.p_vaddr)
      return headers.filter { $0.p_type == UInt32(PT_LOAD) && $0.p_flags & UInt32(PF_W) == 0 }.map {
        (base + UInt($0.p_vaddr))..<(base + UInt($0.p_vaddr) + UInt($0.p_filesz))
      }
    }

    /// What the kernel tells a program at its start: pairs of numbers.
    private static func auxiliaryVector() -> [UInt: UInt] {
      var words = [UInt](repeating: 0, count: 128)
      let size = words.withUnsafeMutableBytes { buffer -> Int in
        guard let file = try? FileDescriptor.open("/proc/self/auxv", .readOnly) else { return 0 }
        defer { try? file.close() }
        return (try? file.read(into: buffer)) ?? 0
      }
      let count = size / MemoryLayout<UInt>.size
      return stride(from: 0, to: count - count % 2, by: 2).reduce(into: [:]) { $0[words[$1]] = words[$1 + 1] }
    }
  }
#endif
