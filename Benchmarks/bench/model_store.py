# SPDX-License-Identifier: Apache-2.0
"""Writes a store of many small models, as pulls of them would have left it."""

import hashlib
import json
from pathlib import Path

from bench import padded_gguf

MODEL_SIZE = 256


def fill(root: Path, count: int) -> None:
    """Makes `root` a store of models `docker.io/bench/model-<number>:latest`, each with a blob of its own."""
    blobs, manifests = root / "blobs" / "sha256", root / "manifests" / "sha256"
    blobs.mkdir(parents=True)
    manifests.mkdir(parents=True)

    def keep(folder: Path, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        (folder / name).write_bytes(content)
        return f"sha256:{name}"

    scratch = root / "scratch.gguf"
    entries = []
    for number in range(count):
        padded_gguf.write(scratch, MODEL_SIZE)
        layer = keep(blobs, scratch.read_bytes())
        config_bytes = encoded({
            "config": {"format": "gguf", "quantization": "unknown", "parameters": "60", "architecture": "llama",
                       "size": f"{MODEL_SIZE}B", "gguf": {"general.architecture": "llama"}},
            "descriptor": {"created": "2026-11-21T12:00:00Z"}, "rootfs": {"type": "rootfs", "diff_ids": [layer]}})
        config = keep(blobs, config_bytes)
        manifest = keep(manifests, encoded({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.docker.ai.model.config.v0.1+json", "size": len(config_bytes),
                       "digest": config},
            "layers": [{"mediaType": "application/vnd.docker.ai.gguf.v3", "size": MODEL_SIZE, "digest": layer,
                        "annotations": {"org.cncf.model.filepath": f"model-{number}.gguf"}}]}))
        entries.append({"id": manifest, "tags": [f"docker.io/bench/model-{number}:latest"], "files": [layer, config]})
    scratch.unlink()
    (root / "layout.json").write_text(json.dumps({"version": "1.0.0"}, indent=2))
    (root / "models.json").write_text(json.dumps({"models": entries}, indent=2))


def encoded(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
