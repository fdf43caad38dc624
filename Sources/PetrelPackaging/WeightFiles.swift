// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import PetrelOCI
import PetrelSafetensors
import SystemPackage

/// The files that hold a model's weights.
struct WeightFiles {
  let format: FileClass
  let files: [LocalFile]

  init(format: FileClass, files: [LocalFile]) {
    self.format = format
    self.files = files
  }

  /// The file at `path`, and when it is a shard all the others, from the same folder.
  init(at path: FilePath) throws(PackagingError) {
    let name = path.lastComponent?.string ?? ""
    let named = FileClass(name)
    let names =
      switch named {
      case .gguf: GGUFShards.names(for: name)
      case .safetensors: SafetensorsShards.names(for: name)
      default: [name]
      }
    if names.count == 1 {
      let file = try LocalFile(opening: path)
      format = try Self.format(of: file, named: named)
      files = [file]
      return
    }
    format = named
    var found: [LocalFile] = []
    var missing: [String] = []
    for shard in names {
      do {
        found.append(try LocalFile(opening: path.removingLastComponent().appending(shard)))
      } catch  where error.code == .fileNotFound {
        missing.append(shard)
      }
    }
    guard missing.isEmpty else {
      throw PackagingError(
        .missingShard,
        "incomplete shard set: found \(found.count) of \(names.count) shards for \(name): \(missing[0]) is missing; put "
          + "all of them into one folder")
    }
    files = found
  }

  /// By its name, or else by how it begins.
  private static func format(of file: LocalFile, named: FileClass) throws(PackagingError) -> FileClass {
    if named.isWeight { return named }
    if try file.bytes(at: 0, count: 4) == Array("GGUF".utf8) { return .gguf }
    throw PackagingError(
      .unknownFormat,
      "unable to detect format from path: \(file.path): want a .gguf, .safetensors or .dduf file")
  }
}

extension WeightFiles {
  /// What the files say about the model. A file whose header cannot be read leaves the bare format and a warning.
  func describe() -> (config: ModelConfig, warnings: [String]) {
    switch format {
    case .gguf: return describeGGUF()
    case .safetensors: return describeSafetensors()
    default: return (describeDDUF(), [])
    }
  }

  private func unreadable(_ file: LocalFile, _ error: any Error) -> (ModelConfig, [String]) {
    let warning =
      "the header of \(file.path) cannot be read (\(error)): "
      + "no engine will run it as it is, and the model is packaged without its parameters, quantization and context size"
    return (ModelConfig(format: format.format), [warning])
  }

  private func describeGGUF() -> (ModelConfig, [String]) {
    var headers: [GGUFHeader] = []
    for file in files {
      do {
        headers.append(try GGUFHeader(reading: file))
      } catch {
        return unreadable(file, error)
      }
    }
    let facts = GGUFFacts(headers)
    let config = ModelConfig(
      format: "gguf", quantization: facts.quantization, parameters: facts.parameters,
      architecture: facts.architecture.isEmpty ? nil : facts.architecture, size: facts.size,
      gguf: facts.metadata.isEmpty ? nil : facts.metadata, contextSize: facts.contextSize)
    guard headers.first?["general.type"]?.string == "adapter", let file = files.first else { return (config, []) }
    let warning =
      "\(file.path) is a LoRA adapter for \(facts.architecture) models and no model of its own: "
      + "it can be stored and shared, but only runs beside its base model"
    return (config, [warning])
  }

  private func describeSafetensors() -> (ModelConfig, [String]) {
    let shards = firstShards
    var headers: [SafetensorsHeader] = []
    for file in shards {
      do {
        headers.append(try SafetensorsHeader(reading: file))
      } catch {
        return unreadable(file, error)
      }
    }
    let facts = SafetensorsFacts(headers)
    var metadata = facts.metadata
    metadata["tensor_count"] = String(facts.tensorCount)
    let settings = TransformerSettings(beside: files)
    let config = ModelConfig(
      format: "safetensors", quantization: facts.quantization, parameters: DisplayText.parameters(facts.parameterCount),
      architecture: facts.architecture ?? settings?.architecture, size: DisplayText.size(byteCount),
      safetensors: metadata, contextSize: settings?.contextSize)
    return (config, [])
  }

  /// The first file and, when it is a shard, the others of its set. A folder may hold other models beside, such as a
  /// pipeline's text encoder, whose tensors are not this model's.
  private var firstShards: [LocalFile] {
    guard let first = files.first else { return [] }
    let folder = first.path.removingLastComponent()
    let names = Set(SafetensorsShards.names(for: first.name))
    return files.filter { names.contains($0.name) && $0.path.removingLastComponent() == folder }
  }

  private var byteCount: Int64 {
    files.reduce(0) { sum, file in
      let (total, overflow) = sum.addingReportingOverflow(file.byteCount)
      return overflow ? .max : total
    }
  }

  private func describeDDUF() -> ModelConfig {
    var facts = ["dduf_file": files.first?.name ?? "", "layout": "dduf"]
    // A zip archive without such an index is packaged all the same: engines decide what they can run.
    if let file = files.first, let index = try? DDUFIndex(reading: file) {
      facts["class_name"] = index.className
      facts["diffusers_version"] = index.diffusersVersion
    }
    return ModelConfig(
      format: "dduf", architecture: "diffusers", size: DisplayText.size(byteCount), diffusers: facts)
  }
}
