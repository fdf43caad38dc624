# SPDX-License-Identifier: Apache-2.0
"""Packaging a file of 4 GiB into the store, against programs that only hash or only read it."""

import os
import subprocess
import time
from pathlib import Path
from statistics import median

from bench import padded_gguf
from bench.daemon import Daemon, running_daemon
from bench.process import cpu_seconds
from bench.result import Result, verdict
from bench.setting import Setting

ROUNDS = 5
SIZE = 4 << 30
GIB = SIZE / (1 << 30)
MODEL = "bench/packaged:v1"


def measure(setting: Setting) -> Result:
    weights = setting.folder / "padded.gguf"
    padded_gguf.write(weights, SIZE)
    # What nobody may write to can be linked everywhere.
    weights.chmod(0o444)
    runs = {"cat": [], "openssl": [], "petrel": []}
    with running_daemon(setting, setting.folder / "home") as petrel:
        for _ in range(setting.rounds_or(ROUNDS)):
            runs["cat"].append(timed(["cat", weights]))
            runs["openssl"].append(timed(["openssl", "dgst", "-sha256", weights]))
            runs["petrel"].append(package(petrel, weights))
    return report(runs, {"runs": runs})


def timed(command: list) -> dict:
    """Runs a program to its end: seconds, processor time, and how many bytes it has asked the system for."""
    began = time.monotonic()
    child = subprocess.Popen([str(part) for part in command], env=os.environ, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return ended(child, began)


def ended(child: subprocess.Popen, began: float) -> dict:
    # What it has taken can be read until it is waited for in earnest.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    seconds = time.monotonic() - began
    run = {"seconds": seconds, "cpu_seconds": cpu_seconds([child.pid]), "read": bytes_read(child.pid)}
    if child.wait() != 0:
        raise RuntimeError(f"{child.args} ended with {child.returncode}")
    return run


def package(petrel: Daemon, weights: Path) -> dict:
    """Packages and removes the model. Both the command's and the daemon's work counts."""
    cpu, read, free = cpu_seconds([petrel.pid]), bytes_read(petrel.pid), free_bytes(petrel.store)
    began = time.monotonic()
    child = subprocess.Popen([petrel.petrel, "package", "--gguf", weights, MODEL], env=petrel.environment,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run = ended(child, began)
    run["cpu_seconds"] += cpu_seconds([petrel.pid]) - cpu
    run["read"] += bytes_read(petrel.pid) - read
    run["taken"] = free - free_bytes(petrel.store)
    petrel.command("inspect", MODEL)
    petrel.command("rm", MODEL)
    return run


def bytes_read(pid: int) -> int:
    """Bytes that the process's reads have returned, from the cache or the disk."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("rchar:")).split()[1])


def free_bytes(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bfree * state.f_frsize


def report(runs: dict, raw: dict) -> Result:
    result = Result("Packaging 4 GiB into the store: the command and the daemon together",
                    ["", "median", "fastest", "slowest", "CPU a GiB", "read"], raw)
    for name, title in (("cat", "cat"), ("openssl", "openssl dgst -sha256"), ("petrel", "petrel package")):
        times = [run["seconds"] for run in runs[name]]
        cpu = median(run["cpu_seconds"] for run in runs[name]) / GIB
        read = median(run["read"] for run in runs[name]) / SIZE
        result.rows.append([title, f"{median(times):.2f} s", f"{min(times):.2f} s", f"{max(times):.2f} s",
                            f"{cpu:.2f} s", f"{read:.3f} x"])
    pairs = list(zip(runs["openssl"], runs["petrel"]))
    ratio = median(ours["seconds"] / other["seconds"] for other, ours in pairs)
    read = max(run["read"] for run in runs["petrel"]) / SIZE
    taken = max(run["taken"] for run in runs["petrel"]) / SIZE
    raw["summary"] = {"to_openssl": ratio, "read": read, "taken": taken}
    result.notes.append(f"time: {ratio:.2f} x openssl's")
    result.notes.append(f"read {read:.3f} times (goal: once: {verdict(read < 1.05)}), "
                        f"{taken:.3f} times taken on the disk (goal: no copy: {verdict(taken < 0.05)})")
    return result
