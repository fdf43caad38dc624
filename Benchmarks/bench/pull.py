# SPDX-License-Identifier: Apache-2.0
"""A pull of 2 GiB from a registry on this machine, against skopeo, a plain copy that is flushed to the disk, and the
least that a download takes."""

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import padded_gguf
from bench.daemon import Daemon, running_daemon
from bench.process import cpu_seconds
from bench.registry import running_registry
from bench.result import Result, verdict
from bench.setting import Setting

ROUNDS = 5
SIZE = 2 << 30
GIB = SIZE / (1 << 30)


def measure(setting: Setting) -> Result:
    weights = setting.folder / "padded.gguf"
    padded_gguf.write(weights, SIZE)
    with ExitStack() as stack:
        registry = stack.enter_context(running_registry(setting.folder / "registry"))
        petrel = stack.enter_context(running_daemon(setting, setting.folder / "home"))
        model = f"{registry}/bench/padded:v1"
        petrel.command("package", "--gguf", weights, "--push", model)
        petrel.command("rm", model)

        with open(weights, "rb") as file:
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        copies, skopeos, bares, pulls = [], [], [], []
        for _ in range(setting.rounds_or(ROUNDS)):
            # Nothing may wait to be written when the clock starts.
            os.sync()
            copies.append(copy(weights, petrel.store / "copy.bin"))
            os.sync()
            skopeos.append(skopeo(model, petrel.store / "skopeo"))
            os.sync()
            bares.append(bare(registry, digest, petrel.store / "bare.bin"))
            os.sync()
            pulls.append(pull(petrel, model))
    raw = {"runs": {"dd": copies, "skopeo": skopeos, "bare": bares, "petrel": pulls}}
    return report(copies, skopeos, bares, pulls, raw)


def copy(source: Path, target: Path) -> dict:
    run = timed(["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fdatasync"])
    target.unlink()
    return run


def skopeo(model: str, target: Path) -> dict:
    """Copies the same model into a folder. Skopeo checks digests too, but does not flush what it wrote."""
    run = timed(["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", f"docker://{model}", f"dir:{target}"])
    shutil.rmtree(target)
    return run


def bare(registry: str, digest: str, target: Path) -> dict:
    run = timed([sys.executable, "-m", "bench.bare_download", registry, "bench/padded", digest, str(target)])
    target.unlink()
    return run


def timed(command: list[str]) -> dict:
    """Runs a program to its end. Its processor time includes what the kernel does for it."""
    cpu, began = child_seconds(), time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return {"seconds": time.monotonic() - began, "cpu_seconds": child_seconds() - cpu}


def child_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


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


def report(copies: list[dict], skopeos: list[dict], bares: list[dict], pulls: list[dict], raw: dict) -> Result:
    result = Result("Pull: 2 GiB from docker-registry on this machine",
                    ["", "median", "rate", "fastest", "slowest", "CPU a GiB"], raw)
    peers = (("dd conv=fdatasync", copies), ("skopeo copy", skopeos), ("receive, hash, write", bares),
             ("petrel pull", pulls))
    for name, runs in peers:
        times = [run["seconds"] for run in runs]
        cpu = f"{median(run['cpu_seconds'] for run in runs) / GIB:.2f} s"
        result.rows.append([name, f"{median(times):.2f} s", f"{SIZE / median(times) / 1e6:,.0f} MB/s",
                            f"{min(times):.2f} s", f"{max(times):.2f} s", cpu])
    # Of each round, so that the disk's mood meets both.
    to_dd = median(copy["seconds"] / pull["seconds"] for copy, pull in zip(copies, pulls))
    to_skopeo = median(other["seconds"] / pull["seconds"] for other, pull in zip(skopeos, pulls))
    cpu = median(run["cpu_seconds"] for run in pulls) / GIB
    to_bare = median(pull["cpu_seconds"] / other["cpu_seconds"] for other, pull in zip(bares, pulls))
    raw["summary"] = {"rate_to_dd": to_dd, "rate_to_skopeo": to_skopeo, "cpu_seconds_per_gib": cpu,
                      "cpu_to_bare": to_bare}
    result.notes.append(f"rate: {to_dd:.2f} x dd's (goal 0.90: {verdict(to_dd >= 0.9)}), "
                        f"{to_skopeo:.2f} x skopeo's (goal 1.00: {verdict(to_skopeo >= 1)})")
    result.notes.append(f"CPU: {cpu:.2f} s a GiB (goal 1.00: {verdict(cpu <= 1)}), {to_bare:.2f} x what receiving, "
                        "hashing and writing alone take")
    return result
