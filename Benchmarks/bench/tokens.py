# SPDX-License-Identifier: Apache-2.0
"""Tokens a second of a streamed chat through Petrel, against the same llama-server by itself."""

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.daemon import engine_folder, running_daemon
from bench.process import running, wait_until
from bench.result import Result
from bench.setting import Setting
from bench.unix_http import answers

ROUNDS = 5
CLIENTS = (1, 4, 16)
MODEL = "bench/demo"
#: An answer of one client takes a fraction of a second; several in a row make a run long enough to measure.
REPEATS = {1: 4, 4: 2, 16: 1}
BODY = json.dumps({
    "model": MODEL, "max_tokens": 256, "temperature": 0.7, "seed": 7, "ignore_eos": True, "stream": True,
    "stream_options": {"include_usage": True},
    "messages": [{"role": "user", "content": "Tell me all about the fall of Rome."}]})


def measure(setting: Setting) -> Result:
    with ExitStack() as stack:
        petrel = stack.enter_context(running_daemon(
            setting, setting.folder / "home", LLAMA_SERVER_PATH=str(engine_folder(setting))))
        petrel.command("package", "--gguf", setting.weights, MODEL)
        petrel.chat(MODEL)

        socket, log = setting.folder / "bare.sock", setting.folder / "bare.log"
        command = same_engine(petrel.engine(), socket)
        bare = stack.enter_context(running(command, log))
        wait_until(lambda: answers(socket), "start of llama-server", bare, log)

        peers = {"llama-server": socket, "petrel": petrel.socket}
        load = setting.tools / "chat-load"
        for peer_socket in peers.values():
            stream(load, peer_socket, max(CLIENTS), 1)
        runs = {peer: {clients: [] for clients in CLIENTS} for peer in peers}
        for number in range(setting.rounds_or(ROUNDS)):
            # The one that goes first changes, so that neither has the other's warmth.
            order = list(peers.items())[::-1 if number % 2 else 1]
            for clients in CLIENTS:
                for peer, peer_socket in order:
                    runs[peer][clients].append(stream(load, peer_socket, clients, REPEATS[clients]))
    return report(runs, {"runs": runs, "command": command})


def same_engine(pid: int, socket: Path) -> list[str]:
    """The command line of a running engine, listening elsewhere."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    command[0] = os.readlink(f"/proc/{pid}/exe")
    command[command.index("--host") + 1] = str(socket)
    return command


def stream(load: Path, socket: Path, clients: int, repeats: int) -> dict:
    total = {"tokens": 0, "bytes": 0, "seconds": 0.0}
    waits = []
    for _ in range(repeats):
        done = subprocess.run([load, socket, str(clients), BODY], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"chat-load at {socket}: {done.stderr.strip()[-1000:]}")
        one = json.loads(done.stdout)
        waits.append(one.pop("first_byte_seconds"))
        total = {key: total[key] + one[key] for key in total}
    return total | {"first_byte_seconds": median(waits), "tokens_per_second": total["tokens"] / total["seconds"]}


def report(runs: dict, raw: dict) -> Result:
    columns = ["clients", "llama-server", "petrel", "petrel / llama-server", "first byte", "first byte, petrel"]
    result = Result("Tokens: streamed chat with the demo model, 256 tokens an answer, over a Unix socket", columns, raw)
    raw["summary"] = {}
    for clients in CLIENTS:
        def middle(peer: str, key: str) -> float:
            return median(run[key] for run in runs[peer][clients])

        rate, bare = (middle(peer, "tokens_per_second") for peer in ("petrel", "llama-server"))
        # The ratio of neighbours in time, so that a slow spell of the machine meets both.
        ratio = median(ours["tokens_per_second"] / theirs["tokens_per_second"]
                       for ours, theirs in zip(runs["petrel"][clients], runs["llama-server"][clients]))
        raw["summary"][clients] = {"ratio": ratio, "petrel": rate, "llama_server": bare}
        result.rows.append([str(clients), f"{bare:,.0f} tok/s", f"{rate:,.0f} tok/s", f"{ratio:.3f}",
                            f"{middle('llama-server', 'first_byte_seconds') * 1e3:.1f} ms",
                            f"{middle('petrel', 'first_byte_seconds') * 1e3:.1f} ms"])
    return result
