// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Testing

@testable import PetrelHub

@Suite struct HubNameTests {
  @Test(
    arguments: [
      ("hf.co/Org/Model", "Org/Model", nil, nil, "huggingface.co/org/model:latest"),
      ("huggingface.co/Org/Model:Q4_K_M", "Org/Model", "Q4_K_M", nil, "huggingface.co/org/model:Q4_K_M"),
      ("HF.co/Org/Model:latest", "Org/Model", nil, nil, "huggingface.co/org/model:latest"),
      ("hf.co/gpt2", "gpt2", nil, nil, "huggingface.co/gpt2:latest"),
      ("hf.co/O/R@v1.0", "O/R", nil, "v1.0", "huggingface.co/o/r:latest--v1.0"),
      ("hf.co/O/R:Q8_0@v1", "O/R", "Q8_0", "v1", "huggingface.co/o/r:Q8_0--v1"),
      ("hf.co/O/R@v1:Q8_0", "O/R", "Q8_0", "v1", "huggingface.co/o/r:Q8_0--v1"),
      ("hf.co/O/R:Q8_0@main", "O/R", "Q8_0", nil, "huggingface.co/o/r:Q8_0"),
      (" hf.co/O/R:main ", "O/R", nil, nil, "huggingface.co/o/r:main"),
    ] as [(String, String, String?, String?, String)])
  func readsNames(text: String, repository: String, selector: String?, revision: String?, tag: String) throws {
    let name = try HubName(parsing: text)
    #expect(name.repository == repository && name.selector == selector && name.revision == revision)
    let reference = try ModelReference(parsing: text)
    #expect(reference.description == tag)
    // What is stored and listed leads back to the same.
    #expect(try ModelReference(parsing: tag) == reference)
    let again = try HubName(parsing: tag)
    #expect(again.repository == repository.lowercased() && again.selector == selector && again.revision == revision)
  }

  @Test(arguments: [
    "hf.co", "hf.co/", "hf.co/a/b/c", "hf.co/a/..", "hf.co/a b/c", "hf.co/a@b@c", "hf.co/a/b@sha256:00",
  ])
  func refusesOthers(text: String) {
    #expect(throws: HubError.self) { try HubName(parsing: text) }
  }

  @Test func namesOfOtherRegistriesAreNotFolded() {
    for text in ["ghcr.io/o/r@v1", "hf.co", "ai/hf.co", "hf.co/o/r@sha256:\(String(repeating: "a", count: 64))"] {
      #expect(ModelReference.foldingRevision(text) == text)
    }
  }

  @Test(
    arguments: [
      ("m-Q4_K_M", "Q4_K_M"), ("IQ2_XXS/m", "IQ2_XXS"), ("m.bf16", "BF16"), ("m-UD-Q4_K_XL", "Q4_K_XL"), ("m", nil),
      ("qwen3-8b", nil), ("m-Q4_0_4_4", "Q4_0_4_4"), ("Q8_0", "Q8_0"),
    ] as [(String, String?)])
  func knowsQuantizations(text: String, quantization: String?) {
    #expect(NameMatch.quantization(in: text) == quantization)
  }
}
