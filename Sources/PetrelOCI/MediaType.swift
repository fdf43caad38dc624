// SPDX-License-Identifier: Apache-2.0

/// Media types of model artifacts.
///
/// Sources: OCI image specification; Docker's model specification (config v0.1 and v0.2); CNCF ModelPack.
package enum MediaType {
  package static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
  package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
  package static let ociIndex = "application/vnd.oci.image.index.v1+json"
  package static let dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"

  package static let configV01 = "application/vnd.docker.ai.model.config.v0.1+json"
  package static let configV02 = "application/vnd.docker.ai.model.config.v0.2+json"
  package static let configCNCF = "application/vnd.cncf.model.config.v1+json"
  /// What a pull accepts as `config.mediaType`.
  package static let supportedConfigs = [configV01, configV02, configCNCF]

  package static let gguf = "application/vnd.docker.ai.gguf.v3"
  package static let safetensors = "application/vnd.docker.ai.safetensors"
  package static let dduf = "application/vnd.docker.ai.dduf"
  package static let mmproj = "application/vnd.docker.ai.mmproj"
  package static let chatTemplate = "application/vnd.docker.ai.chat.template.jinja"
  package static let license = "application/vnd.docker.ai.license"
  package static let modelFile = "application/vnd.docker.ai.model.file"
  /// Uncompressed tar archives, unpacked beside the weights.
  package static let directoryTar = "application/vnd.docker.ai.dir.tar"
  package static let vllmConfigTar = "application/vnd.docker.ai.vllm.config.tar"

  /// What a model brings for requests that say nothing else. Ollama's own types, as it stores them.
  package static let ollamaSystem = "application/vnd.ollama.image.system"
  package static let ollamaParameters = "application/vnd.ollama.image.params"
  package static let ollamaMessages = "application/vnd.ollama.image.messages"

  package static let cncfManifest = "application/vnd.cncf.model.manifest.v1+json"
  package static let cncfWeightRaw = "application/vnd.cncf.model.weight.v1.raw"
  package static let cncfWeightGGUF = "application/vnd.cncf.model.weight.v1.gguf"
  package static let cncfWeightSafetensors = "application/vnd.cncf.model.weight.v1.safetensors"
  package static let cncfWeightConfigRaw = "application/vnd.cncf.model.weight.config.v1.raw"
  package static let cncfDocRaw = "application/vnd.cncf.model.doc.v1.raw"
}
