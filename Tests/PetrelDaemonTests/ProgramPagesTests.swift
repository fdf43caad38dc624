// SPDX-License-Identifier: Apache-2.0

#if os(Linux)
  import Foundation
  import Testing

  @testable import PetrelDaemon

  @Suite struct ProgramPagesTests {
    @Test func `Only what the kernel maps read-only is given back, and the program goes on`() throws {
      let segments = ProgramPages.readOnlySegments()
      #expect(!segments.isEmpty)
      let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n").map { line in
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        let bounds = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        return (range: bounds[0]..<bounds[1], access: fields[1])
      }
      for segment in segments {
        let touched = maps.filter { $0.range.overlaps(segment) }
        #expect(touched.contains { $0.range.contains(segment.lowerBound) })
        #expect(touched.allSatisfy { !$0.access.contains("w") })
      }
      ProgramPages.release()
      #expect(ProgramPages.readOnlySegments() == segments)
    }
  }
#endif
