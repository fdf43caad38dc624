// SPDX-License-Identifier: Apache-2.0

import Foundation
import Subprocess
import SystemPackage
import Testing

extension EndToEnd {
  /// Engines out of images in a registry.
  @Suite struct EngineImageTests {
    /// Makes an image of the installed engine as an OCI layout: one layer with the system's libraries, and with an engine
    /// and a library that the second one replaces and removes; for this platform among others.
    private static let maker = #"""
      import gzip, hashlib, io, json, os, platform, subprocess, sys, tarfile
      engine, layout = sys.argv[1:]
      blobs = layout + "/blobs/sha256"
      os.makedirs(blobs)
      def put(data):
          digest = hashlib.sha256(data).hexdigest()
          open(blobs + "/" + digest, "wb").write(data)
          return {"digest": "sha256:" + digest, "size": len(data)}
      def entry(tar, name, data=b"", link=None, kind=tarfile.REGTYPE):
          info = tarfile.TarInfo(name)
          info.type, info.mode, info.size = kind, 0o755, len(data)
          if link: info.linkname = link
          tar.addfile(info, io.BytesIO(data))
      def layer(fill):
          buffer = io.BytesIO()
          tar = tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT)
          fill(tar)
          tar.close()
          data = buffer.getvalue()
          description = put(gzip.compress(data, 1))
          description["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip"
          return description, "sha256:" + hashlib.sha256(data).hexdigest()
      lib = os.path.dirname(engine) + "/lib"
      listing = subprocess.run(["ldd", engine + "/llama-server"], capture_output=True, text=True, check=True).stdout
      system = {}
      for line in listing.splitlines():
          words = line.split()
          path = next((word for word in words if word.startswith("/")), None)
          if path and not os.path.realpath(path).startswith(os.path.realpath(lib)): system[os.path.basename(path)] = path
      def base(tar):
          entry(tar, "lib", link="usr/lib", kind=tarfile.SYMTYPE)
          for name, path in system.items():
              real = os.path.basename(os.path.realpath(path))
              if not real.startswith(name): real = name + ".0"
              if real != name: entry(tar, "usr/lib/" + name, link=real, kind=tarfile.SYMTYPE)
              entry(tar, "usr/lib/" + real, open(path, "rb").read())
          entry(tar, "usr/lib/libgone.so", b"gone")
          entry(tar, "app/llama-server", b"not yet")
          entry(tar, "etc/passwd", b"root")
      def app(tar):
          entry(tar, "usr/lib/.wh.libgone.so")
          entry(tar, "app/llama-server", open(engine + "/llama-server", "rb").read())
          for name in sorted(os.listdir(lib)):
              path = lib + "/" + name
              if ".so" not in name: continue
              if os.path.islink(path): entry(tar, "app/" + name, link=os.readlink(path), kind=tarfile.SYMTYPE)
              else: entry(tar, "app/" + name, open(path, "rb").read())
      layers = [layer(base), layer(app)]
      architecture = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
      manifests = []
      for name, parts in [("s390x", layers[:1]), (architecture, layers)]:
          config = put(json.dumps({"architecture": name, "os": "linux",
              "rootfs": {"type": "layers", "diff_ids": [diff for _, diff in parts]}}).encode())
          config["mediaType"] = "application/vnd.oci.image.config.v1+json"
          image = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
              "config": config, "layers": [description for description, _ in parts]}).encode())
          image["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
          image["platform"] = {"architecture": name, "os": "linux"}
          manifests.append(image)
      index = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
          "manifests": manifests}).encode())
      index.update({"mediaType": "application/vnd.oci.image.index.v1+json",
          "annotations": {"org.opencontainers.image.ref.name": "v1"}})
      open(layout + "/index.json", "w").write(json.dumps({"schemaVersion": 2, "manifests": [index]}))
      open(layout + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
      """#

    private func copy(_ scratch: Scratch, _ options: [String], from source: String, to target: String) async throws {
      let copied = try await scratch.run(
        "skopeo",
        ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false"] + options + [source, target])
      try #require(copied.status == 0, "\(copied.errors)")
    }

    @Test func whereTheOwnImageCannotBeHadTheEngineIsBuilt() async throws {
      try await Scratch.with { scratch in
        let cutOff = ["LLAMA_SERVER_PATH": "", "PATH": "/nowhere", "HTTPS_PROXY": "http://127.0.0.1:9"]
        let failed = try await scratch.petrel("install-runner", environment: cutOff)
        #expect(failed.status == 1)
        #expect(failed.errors.contains("llama.cpp's own image can't be had: "), "\(failed.errors)")
        #expect(failed.errors.contains("python3 is not on PATH"), "\(failed.errors)")
        let built = try await scratch.petrel("install-runner", "--from-source", environment: cutOff)
        #expect(built.status == 1 && !built.errors.contains("image"), "\(built.errors)")
        #expect(scratch.files(below: "p/engines/llama.cpp").filter { !$0.hasPrefix(".") } == [])
      }
    }

    @Test func engineOfAnImageIsInstalledUsedAndRemoved() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          let layout = scratch.folder.appending("layout").string
          let made = try await scratch.run(
            scratch.setup.python, ["-c", Self.maker, scratch.setup.engine, layout])
          try #require(made.status == 0, "\(made.errors)")
          let image = "\(registry.host)/team/engine:v1"
          try await copy(scratch, ["--all"], from: "oci:\(layout):v1", to: "docker://\(image)")

          // Neither the engine of the other tests nor one on the search path is of use here.
          let own = ["LLAMA_SERVER_PATH": "", "PATH": "/usr/bin:/bin", "PETREL_SANDBOX": "auto"]
          let installed = try await scratch.petrel("install-runner", "--from", image, environment: own)
          #expect(installed.status == 0, "\(installed.errors)")
          let root = scratch.home.appending("engines/llama.cpp")
          let names = try FileManager.default.contentsOfDirectory(atPath: root.string).filter { !$0.hasPrefix(".") }
          let version = try #require(names.first)
          #expect(names == [version] && version.hasPrefix("v1-"))
          #expect(installed.errors.contains("llama.cpp \(version) is now installed"))
          let kept = scratch.files(below: "p/engines/llama.cpp/\(version)")
          #expect(kept.contains { $0.hasPrefix("bin/ld-") } && kept.contains("lib/libc.so.6"), "\(kept)")
          #expect(!kept.contains { $0.contains("libgone") || $0.contains("passwd") || $0.contains("image") })
          let again = try await scratch.petrel("install-runner", "--from", image, environment: own)
          #expect(again.errors.contains("is already installed"))
          let path = try await scratch.petrel("install-runner", "--print-path", environment: own)
          #expect(path.output == "\(root)/\(version)/bin\n")

          try await Daemon.with(in: scratch, environment: own) { daemon in
            try await daemon.packageDemoModel()
            let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"))
            #expect(answer.status == 200, "\(answer.body)")
            let engine = try #require(try await daemon.curl("/engines/ps").json[0]["pid"].number.map { Int32($0) })
            let maps = try await scratch.run("/bin/cat", ["/proc/\(engine)/maps"]).output
            #expect(maps.contains("\(root)/\(version)/lib/libc.so.6"))
            let status = try await daemon.curl("/engines/status").json["llama.cpp"].string
            #expect(try #require(status).contains("\(root)/\(version)/bin/llama-server"))
            #expect(try await daemon.petrel("unload", "--all").status == 0)
            let wrong = try await daemon.scratch.petrel(
              "uninstall-runner", "--llama-server-version", "v9", environment: own)
            #expect(wrong.status == 1 && wrong.errors.contains("installed: \(version)"), "\(wrong.errors)")
            let removed = try await daemon.scratch.petrel(
              "uninstall-runner", "--llama-server-version", version, environment: own)
            #expect(removed.output == "Uninstalled llama.cpp \(version)\n", "\(removed.errors)")
          }
          #expect(scratch.files(below: "p/engines/llama.cpp").filter { !$0.hasPrefix(".") } == [])

          // What can't be used.
          for (name, complaint) in [
            ("\(registry.host)/team/none:v1", "not found"), ("Bad Name", "invalid reference"),
          ] {
            let refused = try await scratch.petrel("install-runner", "--from", name, environment: own)
            #expect(refused.status == 1)
            #expect(refused.errors.contains(complaint), "\(refused.errors)")
          }
          #expect(scratch.files(below: "p/engines/llama.cpp").filter { !$0.hasPrefix(".") } == [])
        }
      }
    }
  }
}
