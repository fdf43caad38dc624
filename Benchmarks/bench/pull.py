# SPDX-License-Identifier: Apache-2.0
"""A pull of 1 GiB from a registry on this machine, against a plain copy that is flushed to the disk."""

import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import padded_gguf
from bench.daemon import Daemon, running_daemon
from bench.process import cpu_seconds
from bench.registry import running_registry
from bench.result import Result
from bench.setting import Setting

ROUNDS = 5
SIZE = 1 << 30


def measure(setting: Setting) -> Result:
    weights = setting.folder / "padded.gguf"
    padded_gguf.write(weights, SIZE)
    with ExitStack() as stack:
        registry = stack.enter_context(running_registry(setting.folder / "registry"))
        petrel = stack.enter_context(running_daemon(setting, setting.folder / "home"))
        model = f"{registry}/bench/padded:v1"
        petrel.command("package", "--gguf", weights, "--push", model)
        petrel.command("rm", model)

        copies, pulls = [], []
        for _ in range(setting.rounds_or(ROUNDS)):
            # Nothing may wait to be written when the clock starts.
            os.sync()
            copies.append({"seconds": copy(weights, petrel.store / "copy.bin")})
            os.sync()
            pulls.append(pull(petrel, model))
    raw = {"runs": {"dd": copies, "petrel": pulls}}
    return report(copies, pulls, raw)


def copy(source: Path, target: Path) -> float:
    began = time.monotonic()
    subprocess.run(["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fdatasync"], check=True, capture_output=True)
    seconds = time.monotonic() - began
    target.unlink()
    return seconds


def pull(petrel: Daemon, model: str) -> dict:
    """Pulls and removes the model. A model or a blob that was there already would be an error."""
    left = [blob.name for blob in (petrel.store / "blobs" / "sha256").iterdir() if blob.stat().st_size >= SIZE // 2]
    if left:
        raise RuntimeError(f"blobs of a removed model are still there: {left}")
    cpu, began = cpu_seconds([petrel.pid]), time.monotonic()
    petrel.command("pull", model)
    seconds = time.monotonic() - began
    cpu = cpu_seconds([petrel.pid]) - cpu
    petrel.command("inspect", model)
    petrel.command("rm", model)
    return {"seconds": seconds, "cpu_seconds": cpu}


def report(copies: list[dict], pulls: list[dict], raw: dict) -> Result:
    result = Result("Pull: 1 GiB from docker-registry on this machine, against dd conv=fdatasync",
                    ["", "median", "rate", "fastest", "slowest", "CPU"], raw)
    for name, runs in (("dd", copies), ("petrel pull", pulls)):
        times = [run["seconds"] for run in runs]
        cpu = f"{median(run['cpu_seconds'] for run in runs):.2f} s" if "cpu_seconds" in runs[0] else "-"
        result.rows.append([name, f"{median(times):.2f} s", f"{SIZE / median(times) / 1e6:,.0f} MB/s",
                            f"{min(times):.2f} s", f"{max(times):.2f} s", cpu])
    ratio = median(run["seconds"] for run in copies) / median(run["seconds"] for run in pulls)
    raw["summary"] = {"rate_ratio": ratio}
    result.notes.append(f"rate: {ratio:.2f} x dd's")
    return result
