// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PetrelGGUF

@Suite struct DecimalTextTests {
  @Test(
    arguments: [
      (10_000, "10000.000000"), (500_000, "500000.000000"), (1e-5, "0.000010"), (0, "0.000000"), (-0.0, "-0.000000"),
      (-1.5, "-1.500000"), (-1e-9, "-0.000000"), (1e-300, "0.000000"), (.leastNonzeroMagnitude, "0.000000"),
      (0.1, "0.100000"),
      (0.9999999, "1.000000"), (123_456.789, "123456.789000"), (.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
      // Exact ties go to the even digit: 2^-7 and 3 * 2^-7 end in 5 at the seventh decimal.
      (0x1p-7, "0.007812"), (0x3p-7, "0.023438"),
      (0x1p53, "9007199254740992.000000"), (0x1p53 + 2, "9007199254740994.000000"),
      (0x1.fffffffffffffp52, "9007199254740991.000000"),
      (Double(Float.greatestFiniteMagnitude), "340282346638528859811704183484516925440.000000"),
      (0x1p128, "340282366920938463463374607431768211456.000000"),
    ] as [(Double, String)])
  func sixDecimals(value: Double, text: String) {
    #expect(DecimalText.fixed(value, decimals: 6) == text)
  }

  /// The C library's `printf` is exact too.
  @Test func agreesWithTheCLibrary() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<5000 {
      let any = Double(bitPattern: random.next())
      let near = Double.random(in: -1e7...1e7, using: &random)
      for value in [any, near, Double(Float(near)), (near * 128).rounded() / 128] where value.isFinite {
        #expect(DecimalText.fixed(value, decimals: 6) == String(format: "%.6f", value))
        #expect(DecimalText.fixed(value, decimals: 2) == String(format: "%.2f", value))
      }
    }
  }
}
