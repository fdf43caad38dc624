# SPDX-License-Identifier: Apache-2.0
"""What Petrel adds to a chat request whose model is loaded, beside what nginx adds to it."""

import json
from contextlib import ExitStack
from statistics import median

from bench.daemon import running_daemon
from bench.nginx import listens, running_nginx
from bench.process import free_port, memory, open_files, running, wait_until
from bench.result import Result, verdict
from bench.setting import Setting
from bench.wrk import load

ROUNDS = 5
SECONDS = 3
MODEL = "bench/stub"
TARGET = "/engines/v1/chat/completions"
#: 147 bytes.
BODY = json.dumps({"model": MODEL, "messages": [{"role": "system", "content": "You answer in a few words."},
                                                {"role": "user", "content": "Give me one fact of whales"}]},
                  separators=(",", ":"))
GOAL_ADDED = 2.5
GOAL_CPU_US = 40
GOAL_P99 = 2.0
GOAL_RPS = 30_000


def measure(setting: Setting) -> Result:
    stub, socket, port = setting.tools / "llama-server", setting.folder / "stub.sock", free_port()
    log = setting.folder / "stub.log"
    with ExitStack() as stack:
        child = stack.enter_context(running([stub, "--host", socket, "--tcp-port", port], log))
        wait_until(lambda: listens(port), "start of the engine stub", child, log)
        nginx = stack.enter_context(running_nginx(setting.folder / "nginx", socket))
        petrel = stack.enter_context(running_daemon(setting, setting.folder / "home", LLAMA_SERVER_PATH=str(stub)))
        petrel.command("package", "--gguf", setting.weights, MODEL)
        petrel.chat(MODEL)

        peers = {"direct": (port, []), "nginx": (nginx.port, nginx.pids), "petrel": (petrel.port, [petrel.pid])}
        for peer_port, pids in peers.values():
            load(peer_port, TARGET, BODY, 32, 1, pids)
        before = footprint(petrel.pid)
        runs = {peer: {1: [], 32: []} for peer in peers}
        for _ in range(setting.rounds_or(ROUNDS)):
            for connections in (1, 32):
                for peer, (peer_port, pids) in peers.items():
                    runs[peer][connections].append(load(peer_port, TARGET, BODY, connections, SECONDS, pids))
        after = footprint(petrel.pid)
    raw = {"runs": runs, "petrel_before": before, "petrel_after": after}
    return report(runs, before, after, raw)


def footprint(pid: int) -> dict:
    return memory([pid]) | {"open_files": open_files(pid)}


def report(runs: dict, before: dict, after: dict, raw: dict) -> Result:
    def middle(peer: str, connections: int, key: str) -> float:
        return median(run[key] for run in runs[peer][connections])

    def added(peer: str) -> float:
        return middle(peer, 1, "p50_us") - middle("direct", 1, "p50_us")

    result = Result("Latency: a warm chat request, an engine stub that answers at once",
                    ["before the stub", "p50 c1", "added", "p50 c32", "p99 c32", "CPU/request", "requests/s"], raw)
    for peer in runs:
        is_direct = peer == "direct"
        result.rows.append([
            peer, f"{middle(peer, 1, 'p50_us'):.0f} us", "-" if is_direct else f"{added(peer):+.0f} us",
            f"{middle(peer, 32, 'p50_us'):.0f} us", f"{middle(peer, 32, 'p99_us'):.0f} us",
            "-" if is_direct else f"{middle(peer, 32, 'cpu_us'):.1f} us", f"{middle(peer, 32, 'rps'):,.0f}"])

    ratio, cpu = added("petrel") / max(1, added("nginx")), middle("petrel", 32, "cpu_us")
    tail = middle("petrel", 32, "p99_us") / middle("nginx", 32, "p99_us")
    rps = middle("petrel", 32, "rps")
    raw["summary"] = {"added_ratio": ratio, "cpu_us": cpu, "p99_ratio": tail, "rps": rps}
    result.notes += [
        f"added p50: {ratio:.2f} x nginx's (goal {GOAL_ADDED}: {verdict(ratio <= GOAL_ADDED)})",
        f"CPU at 32 connections: {cpu:.1f} us a request (goal {GOAL_CPU_US}: {verdict(cpu <= GOAL_CPU_US)}), "
        f"{cpu / middle('nginx', 32, 'cpu_us'):.2f} x nginx's",
        f"p99 at 32 connections: {tail:.2f} x nginx's (goal {GOAL_P99}: {verdict(tail <= GOAL_P99)})",
        f"throughput: {rps:,.0f} requests/s (goal {GOAL_RPS:,}: {verdict(rps >= GOAL_RPS)})",
        f"petrel before and after the load: {before['rss'] / 1e6:.1f} -> {after['rss'] / 1e6:.1f} MB resident, "
        f"{before['open_files']} -> {after['open_files']} open files"]
    bad = {peer: sum(run["error_statuses"] + run["socket_errors"] for group in runs[peer].values() for run in group)
           for peer in runs}
    if any(bad.values()):
        result.notes.append("FAILED REQUESTS: " + ", ".join(f"{peer} {count}" for peer, count in bad.items()))
    return result
