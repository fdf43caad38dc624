# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks that were asked for, prints a table each, and keeps the raw numbers."""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench import (
    dialects, estimate, latency, leave, memory, package, pull, ready, recorder, start, streams, swap, tokens, translation,
    turns)
from bench.setting import Setting

BENCHMARKS = {"latency": latency, "recorder": recorder, "streams": streams, "ready": ready, "swap": swap,
              "leave": leave, "tokens": tokens, "dialects": dialects, "translation": translation, "turns": turns,
              "pull": pull, "package": package, "start": start, "memory": memory, "estimate": estimate}


def machine() -> dict:
    models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]
    return {"system": platform.platform(), "processor": models[0] if models else platform.machine(),
            "processors": os.cpu_count(), "load_before": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d")}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Benchmarks/run.sh")
    parser.add_argument("petrel", type=Path, help="the release binary")
    parser.add_argument("weights", type=Path, help="a small GGUF file")
    parser.add_argument("benchmarks", nargs="*", metavar="|".join(BENCHMARKS), help="default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw numbers to this file")
    parser.add_argument("--rounds", type=int, help="rounds of each benchmark, instead of its own number")
    parser.add_argument("--tools", type=Path, required=True, help=argparse.SUPPRESS)
    parsed = parser.parse_intermixed_args()
    unknown = set(parsed.benchmarks) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    for file in (parsed.petrel, parsed.weights):
        if not file.is_file():
            parser.error(f"{file} is not there")
    return parsed


def main() -> int:
    options = arguments()
    # A kill must unwind like Ctrl+C does, so that every process and folder goes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = {"machine": machine()}
    print("{processor}, {processors} processors, load {load_before:.2f}, {date}".format(**results["machine"]))
    for name in options.benchmarks or BENCHMARKS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="petrel-bench-") as folder:
            setting = Setting(petrel=options.petrel.resolve(), weights=options.weights.resolve(),
                              tools=options.tools.resolve(), folder=Path(folder), rounds=options.rounds)
            result = BENCHMARKS[name].measure(setting)
        print(f"\n{result.table()}\n({time.monotonic() - began:.0f} s)", flush=True)
        results[name] = result.raw
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


sys.exit(main())
