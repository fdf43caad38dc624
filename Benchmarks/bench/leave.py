# SPDX-License-Identifier: Apache-2.0
"""How soon the engine's slot is free when a client leaves."""

import json
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.daemon import engine_folder, running_daemon, same_engine
from bench.process import running, wait_until
from bench.result import Result, verdict
from bench.setting import Setting
from bench.unix_http import UnixConnection, answers

ROUNDS = 20
MODEL = "bench/demo"
GOAL_MS = 100
# Seconds between looks: the engine needs all processors for a prompt.
LOOK = 0.003
# Words of the prompt, and whether the answer has begun. An engine that reads a long prompt looks for its client when it
# has a first token, or after a second.
MOMENTS = {"before the first byte": (100, False), "in the middle": (4, True), "in a long prompt": (1500, False)}
HELD = ("before the first byte", "in the middle")


def measure(setting: Setting) -> Result:
    with ExitStack() as stack:
        petrel = stack.enter_context(running_daemon(
            setting, setting.folder / "home", LLAMA_SERVER_PATH=str(engine_folder(setting)), LLAMA_ARGS="--metrics"))
        petrel.command("package", "--gguf", setting.weights, MODEL)
        petrel.chat(MODEL)
        own = next((setting.folder / "home" / "run").rglob("*.sock"))
        bare, log = setting.folder / "bare.sock", setting.folder / "bare.log"
        child = stack.enter_context(running(same_engine(petrel.engine(), bare), log))
        wait_until(lambda: answers(bare), "start of llama-server", child, log)
        # What is asked, and the engine behind it.
        peers = {"llama-server": (bare, bare), "petrel": (petrel.socket, own)}
        times = {peer: {moment: [] for moment in MOMENTS} for peer in peers}
        for _ in range(setting.rounds_or(ROUNDS)):
            for moment, (words, has_begun) in MOMENTS.items():
                for peer, (server, engine) in peers.items():
                    times[peer][moment].append(leave(server, engine, words, has_begun))
    result = Result("Leave: from a client's leaving to an idle engine", ["", "moment", "median", "slowest"],
                    {"ms": times})
    for peer, moments in times.items():
        for moment, some in moments.items():
            result.rows.append([peer, moment, f"{median(some):.1f} ms", f"{max(some):.1f} ms"])
    for moment in HELD:
        typical = median(times["petrel"][moment])
        result.notes.append(f"{moment}: {typical:.1f} ms (goal {GOAL_MS}: {verdict(typical <= GOAL_MS)})")
    return result


def leave(server: Path, engine: Path, words: int, has_begun: bool) -> float:
    """Milliseconds until the engine works on nothing."""
    # Each prompt is new to the engine, and its answer would take a while.
    prompt = f"{time.monotonic_ns()} " + "whales " * words
    body = json.dumps({"model": MODEL, "stream": True, "ignore_eos": True, "max_tokens": 2000,
                       "messages": [{"role": "user", "content": prompt}]})
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(server))
        client.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        if has_begun:
            client.recv(65536)
        else:
            while processing(engine) == 0:
                time.sleep(LOOK)
    began = time.monotonic()
    while processing(engine) > 0:
        time.sleep(LOOK)
    return (time.monotonic() - began) * 1e3


def processing(engine: Path) -> int:
    """Requests that the engine works on, as it says itself."""
    connection = UnixConnection(engine)
    try:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    finally:
        connection.close()
    return int(next(line for line in lines if line.startswith("llamacpp:requests_processing ")).split()[1])
