# SPDX-License-Identifier: Apache-2.0
"""From the start of the daemon's process to its first answer, with many models in the store and with none."""

import json
import subprocess
import time
from pathlib import Path
from statistics import median

from bench import model_store
from bench.daemon import daemon_environment
from bench.process import free_port, precise_cpu_seconds, stop
from bench.result import Result
from bench.setting import Setting
from bench.unix_http import UnixConnection, answers

ROUNDS = 10
MODELS = 1000
TIME_LIMIT = 20
# After so many seconds a daemon has nothing to do any more.
SETTLED = 1


def measure(setting: Setting) -> Result:
    homes = {"no models": setting.folder / "empty", f"{MODELS:,} models": setting.folder / "full"}
    for home in homes.values():
        home.mkdir()
    model_store.fill(setting.folder / "full" / "models", MODELS)

    runs = {name: [] for name in homes}
    # The first starts fill the page cache and create what is absent.
    for home in homes.values():
        start(setting, home)
    for _ in range(setting.rounds_or(ROUNDS)):
        for name, home in homes.items():
            run = start(setting, home)
            # In a daemon of its own: the first listing leaves nothing to be read.
            settled = start(setting, home, pause=SETTLED)
            run |= {"settled_" + key: settled[key] for key in ("listing_seconds", "listing_cpu_seconds")}
            runs[name].append(run)
    return report(runs, {"runs": runs})


def start(setting: Setting, home: Path, pause: float = 0) -> dict:
    """Seconds to the first 200 of `GET /health` and the CPU time until then; then seconds of the first listing, `pause`
    seconds later, with the daemon's CPU time and the number of models."""
    socket = home / "petrel.sock"
    environment = daemon_environment(home, MODEL_RUNNER_PORT=str(free_port()))
    with open(home / "daemon.log", "ab") as log:
        began = time.monotonic()
        child = subprocess.Popen([setting.petrel, "serve"], env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=subprocess.STDOUT)
    try:
        while not answers(socket):
            if child.poll() is not None or time.monotonic() - began > TIME_LIMIT:
                raise RuntimeError(f"petrel did not start: {(home / 'daemon.log').read_text()[-2000:]}")
            # Without a pause the polling would take a core from the daemon.
            time.sleep(0.0002)
        ready = time.monotonic() - began
        cpu = precise_cpu_seconds(child.pid)
        time.sleep(pause)
        before = precise_cpu_seconds(child.pid)
        listing, count = first_listing(socket)
        listing_cpu = precise_cpu_seconds(child.pid) - before
    finally:
        stop(child)
    return {"ready_seconds": ready, "cpu_seconds": cpu, "listing_seconds": listing, "listing_cpu_seconds": listing_cpu,
            "models": count}


def first_listing(socket: Path) -> tuple[float, int]:
    began = time.monotonic()
    connection = UnixConnection(socket)
    connection.request("GET", "/models")
    models = json.loads(connection.getresponse().read())
    connection.close()
    return time.monotonic() - began, len(models)


def report(runs: dict, raw: dict) -> Result:
    result = Result("Start: from exec to the first 200 of GET /health",
                    ["store", "models listed", "ready", "fastest", "slowest",
                     "CPU until then", "first GET /models", "a second later", "CPU for it"], raw)
    for name, starts in runs.items():
        times = [run["ready_seconds"] * 1e3 for run in starts]
        keys = ("cpu_seconds", "listing_seconds", "settled_listing_seconds", "settled_listing_cpu_seconds")
        rest = [median(run[key] for run in starts) * 1e3 for key in keys]
        result.rows.append([name, str(starts[0]["models"])]
                           + [f"{value:.1f} ms" for value in (median(times), min(times), max(times), *rest)])
    empty, full = (median(run["ready_seconds"] for run in starts) for starts in runs.values())
    raw["summary"] = {"difference_ms": (full - empty) * 1e3}
    result.notes.append(f"difference: {(full - empty) * 1e3:+.1f} ms")
    return result
