# SPDX-License-Identifier: Apache-2.0
"""The load generator wrk, with one thread."""

import json
import subprocess
from pathlib import Path

from bench.process import cpu_seconds

SCRIPT = Path(__file__).with_name("chat.lua")


def load(port: int, target: str, body: str, connections: int, seconds: int, pids: list[int]) -> dict:
    """Posts `body` over and over. Returns what chat.lua reports, with the CPU time that `pids` took for a request."""
    before = cpu_seconds(pids)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", SCRIPT,
         f"http://127.0.0.1:{port}", "--", target, body], capture_output=True, text=True, check=True)
    used = cpu_seconds(pids) - before
    line = next(line for line in done.stdout.splitlines() if line.startswith("result: "))
    result = json.loads(line.removeprefix("result: "))
    result["rps"] = result["requests"] / result["seconds"]
    result["cpu_us"] = used * 1e6 / max(1, result["requests"])
    return result
