// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PetrelEngines

@Suite struct RuntimeFlagsTests {
  private func parsed(_ elements: [String], _ engine: String = "llama.cpp") throws -> [[String]] {
    try RuntimeFlags(parsing: elements, for: .table(for: engine)).items.map { [$0.name] + $0.values }
  }

  private func refusal(_ elements: [String], _ engine: String = "llama.cpp") -> String? {
    let error = #expect(throws: EngineError.self) { try parsed(elements, engine) }
    #expect(error?.code == .invalidSettings)
    return error?.message
  }

  @Test(arguments: [
    (["--threads", "4"], ["--threads", "4"]), (["-t", "4"], ["--threads", "4"]),
    (["--threads=4"], ["--threads", "4"]), (["--threads=-1"], ["--threads", "-1"]),
    (["--temp=0.5"], ["--temp", "0.5"]), (["--seed=0"], ["--seed", "0"]),
    (["--presence-penalty=-0.5"], ["--presence-penalty", "-0.5"]),
    (["--reasoning-budget", "-1"], ["--reasoning-budget", "-1"]),
    (["--batch_size", "512"], ["--batch-size", "512"]), (["-ngl", "all"], ["--n-gpu-layers", "all"]),
    (["-fa"], ["--flash-attn", "on"]), (["-fa", "off"], ["--flash-attn", "off"]), (["--no-mmap"], ["--no-mmap"]),
    (["--control-vector-layer-range", "3", "9"], ["--control-vector-layer-range", "3", "9"]),
    (["--json-schema", #"{"pattern":"a/b\\d"}"#], ["--json-schema", #"{"pattern":"a/b\\d"}"#]),
    (["--tensor-split", "3,1"], ["--tensor-split", "3,1"]),
  ]) func `A flag with its value is taken apart, however it is written`(elements: [String], item: [String]) throws {
    #expect(try parsed(elements) == [item])
  }

  @Test(arguments: [
    (["--log-file", "x"], "runtime flag \"--log-file\" is not allowed for backend \"llama.cpp\""),
    (["--log_file", "x"], "runtime flag \"--log_file\" is not allowed for backend \"llama.cpp\""),
    (["--log-file=x"], "runtime flag \"--log-file\" is not allowed for backend \"llama.cpp\""),
    (["--temp=-.5"], "invalid flag \"--temp=-.5\": value cannot start with '-' unless followed by a digit"),
    (["--seed=-"], "invalid flag \"--seed=-\": value cannot start with '-' unless followed by a digit"),
    (["--seed=-l"], "invalid flag \"--seed=-l\": value cannot start with '-' unless followed by a digit"),
    (
      ["--seed=--log-file=x"],
      "invalid flag \"--seed=--log-file=x\": value cannot start with '-' unless followed by a digit"
    ),
    (
      ["--threads", "/etc/x"],
      #"invalid runtime flag "/etc/x": paths are not allowed (contains '/' or '\\')"#
    ),
    (
      ["--threads=../x"],
      #"invalid runtime flag "--threads=../x": paths are not allowed (contains '/' or '\\')"#
    ),
    (
      ["--threads", "http://h"],
      #"invalid runtime flag "http://h": paths are not allowed (contains '/' or '\\')"#
    ),
    (["--mlock", "/etc/passwd"], #"invalid runtime flag "/etc/passwd": paths are not allowed (contains '/' or '\\')"#),
  ]) func `What the reference refuses is refused in its words`(elements: [String], message: String) {
    #expect(refusal(elements) == message)
  }

  @Test(arguments: [
    ["--model", "x"], ["--model=x"], ["-m", "x"], ["--mod", "x"], ["--MODEL", "x"], ["--model_url", "h"], ["-mu", "h"],
    ["--hf-repo", "a"], ["--host", "h"], ["--port", "1"], ["--rpc", "h:1"], ["--lora", "f"], ["--grammar-file", "f"],
    ["--json-schema-file", "f"], ["-jf", "f"], ["--chat-template-file", "f"], ["--slot-save-path", "f"],
    ["--ssl-key-file", "f"], ["--api-key-file", "f"], ["--log-file", "f"], ["--mmproj", "f"], ["--path", "f"],
    ["--media-path", "f"], ["--models-dir", "f"], ["--tools", "all"], ["--override-kv", "a=int:1"],
    ["--override-tensor", "a=CPU"], ["--webui-config-file", "f"], ["--lookup-cache-static", "f"], ["--threa", "4"],
    ["--lora-scaled", "f:1"], ["--control-vector", "f"], ["--model-draft", "f"], ["--docker-repo", "r"],
  ]) func `Flags that reach for files, addresses or commands are refused, in every spelling`(elements: [String]) {
    #expect(refusal(elements)?.contains("is not allowed for backend") == true)
  }

  @Test(arguments: [
    ["LLAMA_ARG_MODEL=x"], ["LLAMA_ARG_THREADS=4"], ["--mlock", "LLAMA_ARG_HOST=h"], ["4"], ["--temp", "1", "2"], [""],
  ]) func `What is neither a flag nor a flag's value is refused, environment forms included`(elements: [String]) {
    #expect(refusal(elements)?.contains("belongs to no flag before it") == true)
  }

  @Test(arguments: [
    ["--threads", "-2"], ["--threads", "99999999999999999999"], ["--ctx-size", "-1"], ["--ctx-size", "999999999"],
    ["--batch-size", "0"], ["--temp", "nan"], ["--temp", "1e9"], ["--top-p", "2"], ["--cache-type-k", "q3"],
    ["--cpu-range", "a-b"], ["--cpu-mask", "xyz"], ["--parallel", "100000"], ["--threads", "٤"], ["--seed", "0x10"],
    ["--device", "a b"], ["--tensor-split", "1,,2"], ["--grammar", "a\u{0}b"], ["--n-gpu-layers", "some"],
  ]) func `Values that are out of bounds are refused`(elements: [String]) {
    #expect(refusal(elements)?.contains("but it must be") == true)
  }

  @Test(arguments: [["--threads"], ["--threads", "--mlock"], ["--control-vector-layer-range", "3"], ["--mlock=1"]])
  func `A flag has as many values as it needs`(elements: [String]) {
    #expect(refusal(elements)?.hasPrefix("runtime flag ") == true)
  }

  @Test(arguments: ["--api-key", "--api-prefix", "--timeout", "-to", "--sleep-idle-seconds"])
  func `Flags that would cut the daemon off from its engine are refused with the reason`(flag: String) {
    #expect(refusal([flag, "1"])?.contains("is not allowed for backend \"llama.cpp\": ") == true)
  }

  @Test func `Flags are checked for the engine that gets them`() throws {
    #expect(try parsed(["--max-model-len", "4096"], "vllm") == [["--max-model-len", "4096"]])
    #expect(refusal(["--top-k", "20"], "vllm")?.contains("for backend \"vllm\"") == true)
    #expect(refusal(["--max-model-len", "4096"])?.contains("for backend \"llama.cpp\"") == true)
    #expect(refusal(["--max-model", "4096"], "vllm")?.contains("is not allowed") == true)
    for engine in ["mlx", "sglang", "diffusers"] {
      #expect(refusal(["--threads", "4"], engine)?.contains("for backend \"\(engine)\"") == true)
      #expect(try parsed([], engine) == [])
    }
  }

  @Test func `Each flag of the reference's lists is known, and takes a plausible value`() throws {
    #expect(FlagTable.llamaCpp.names.count == 251)
    #expect(FlagTable.vllm.names.count == 26)
    for table in [FlagTable.llamaCpp, .vllm] {
      for name in table.names {
        let flag = try #require(table[name])
        guard flag.refusal == nil else { continue }
        let values = plausible(flag.value)
        #expect(try RuntimeFlags(parsing: [name] + values, for: table).items.count == 1, "\(name)")
        guard values.count == 1 else { continue }
        #expect(try RuntimeFlags(parsing: ["\(name)=\(values[0])"], for: table).items.count == 1, "\(name)")
      }
    }
  }

  private func plausible(_ value: FlagValue) -> [String] {
    switch value {
    case .none: []
    case .integer(let range), .integerOr(let range, _): [String(range.upperBound)]
    case .integerPair: ["1", "2"]
    case .number(let range): [String(Int(range.upperBound))]
    case .numbers: ["3,1"]
    case .choice(let words), .optionalChoice(let words): [words[0]]
    case .hex: ["0xff"]
    case .range: ["0-3"]
    case .names: ["CUDA0,CPU"]
    case .text: ["{\"a\":\"/\"}"]
    }
  }

  // MARK: Lines of flags

  @Test(arguments: [
    ("--temp 0.7  --top-k 20", ["--temp", "0.7", "--top-k", "20"]),
    (#"--grammar 'root ::= "a b"' --mlock"#, ["--grammar", #"root ::= "a b""#, "--mlock"]),
    (#"a\ b "c\td" '' "#, ["a b", "c\td", ""]), ("  ", []),
  ]) func `A line is split as a shell would`(line: String, words: [String]) throws {
    #expect(try ShellWords.split(line) == words)
  }

  @Test(arguments: ["--temp 1; rm x", "a & b", "a | b", "a > b", "a < b", "(a)", "`a`", "'a", "\"a", "a\\"])
  func `What a shell would do more with is refused`(line: String) {
    let error = #expect(throws: EngineError.self) { try ShellWords.split(line) }
    #expect(error?.message.hasPrefix("invalid runtime flags: invalid command line string") == true)
  }
}
