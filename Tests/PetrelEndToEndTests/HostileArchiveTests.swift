// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage
import Testing

extension EndToEnd {
  /// Archives that no honest program makes, sent to `POST /models/load`.
  @Suite(.sharedDaemon) struct HostileArchiveTests {
    /// Writes the archive that its argument names to standard output.
    private static let maker = """
      import hashlib, io, json, sys, tarfile

      content = b"x" * 5000
      digest = hashlib.sha256(content).hexdigest()
      blob = "blobs/sha256/" + digest
      config = {"mediaType": "application/vnd.docker.ai.model.config.v0.1+json",
                "size": 5000, "digest": "sha256:" + digest}
      absent = {"mediaType": "application/vnd.docker.ai.gguf.v3", "size": 10, "digest": "sha256:" + "1" * 64}


      def manifest(layers):
          return json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                             "config": config, "layers": layers}).encode()


      archives = {
          "climbing": [("../../evil", content)],
          "climbing from within": [("blobs/sha256/../../../evil", content)],
          "absolute": [("/tmp/evil-petrel", content)],
          "wrong digest": [("blobs/sha256/" + "0" * 64, content)],
          "no manifest": [(blob, content)],
          "manifest without sense": [(blob, content), ("manifest.json", b'{"a":1}')],
          "manifest that is no JSON": [(blob, content), ("manifest.json", b"{")],
          "missing blob": [(blob, content), ("manifest.json", manifest([absent]))],
          "truncated": [(blob, content)],
          "empty": [],
      }
      buffer = io.BytesIO()
      with tarfile.open(fileobj=buffer, mode="w") as tar:
          for name, data in archives[sys.argv[1]]:
              entry = tarfile.TarInfo(name)
              entry.size = len(data)
              tar.addfile(entry, io.BytesIO(data))
      bytes = buffer.getvalue()
      sys.stdout.buffer.write(bytes[:2000] if sys.argv[1] == "truncated" else bytes)
      """

    @Test(arguments: [
      "climbing", "climbing from within", "absolute", "wrong digest", "no manifest", "manifest without sense",
      "manifest that is no JSON", "missing blob", "truncated", "empty",
    ])
    func archiveIsRefused(kind: String) async throws {
      let daemon = try SharedDaemon.current
      let made = try await daemon.scratch.run(daemon.scratch.setup.python, ["-", kind], input: Self.maker)
      try #require(made.status == 0, "\(made.errors)")
      let before = try await daemon.petrel("list", "--json").json
      let answer = try await daemon.curl(
        "/models/load", body: made.output, options: "-H", "Content-Type: application/x-tar")
      #expect((400..<500).contains(answer.status), "\(answer.status): \(answer.body)")
      #expect(answer.contentType.hasPrefix("text/plain"))
      #expect(answer.body.contains("error while loading model: "))
      #expect(try await daemon.petrel("list", "--json").json == before)
      #expect(!daemon.scratch.files(below: "").contains { $0.hasSuffix("evil") })
    }

    @Test func bytesThatAreNoArchiveAreRefused() async throws {
      let answer = try await SharedDaemon.current.curl("/models/load", body: String(repeating: "petrel ", count: 2000))
      #expect(answer.status == 400)
      #expect(answer.body.contains("not a tar archive"))
    }
  }
}
