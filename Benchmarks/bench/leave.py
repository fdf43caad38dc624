# SPDX-License-Identifier: Apache-2.0
"""How soon the engine's slot is free when a client leaves."""

import json
import socket
import time
from pathlib import Path
from statistics import median

from bench.daemon import engine_folder, running_daemon
from bench.result import Result, verdict
from bench.setting import Setting
from bench.unix_http import UnixConnection

ROUNDS = 20
MODEL = "bench/demo"
GOAL_MS = 100
MOMENTS = ("before the first byte", "in the middle")


def measure(setting: Setting) -> Result:
    times = {moment: [] for moment in MOMENTS}
    with running_daemon(setting, setting.folder / "home", LLAMA_SERVER_PATH=str(engine_folder(setting)),
                        LLAMA_ARGS="--metrics") as petrel:
        petrel.command("package", "--gguf", setting.weights, MODEL)
        petrel.chat(MODEL)
        engine = next((setting.folder / "home" / "run").rglob("*.sock"))
        for _ in range(setting.rounds_or(ROUNDS)):
            for moment in MOMENTS:
                times[moment].append(leave(petrel.socket, engine, is_middle=moment == MOMENTS[1]))
    result = Result("Leave: from a client's leaving to an idle engine", ["", "median", "slowest"], {"ms": times})
    for moment, all_times in times.items():
        result.rows.append([moment, f"{median(all_times):.1f} ms", f"{max(all_times):.1f} ms"])
    slowest = max(max(all_times) for all_times in times.values())
    result.notes.append(f"slowest: {slowest:.1f} ms (goal {GOAL_MS}: {verdict(slowest <= GOAL_MS)})")
    return result


def leave(server: Path, engine: Path, is_middle: bool) -> float:
    """Milliseconds until the engine works on nothing."""
    # A prompt that takes a while, or an answer that does.
    prompt = "Tell me of Rome." if is_middle else f"{time.monotonic_ns()} " + "whales " * 1500
    body = json.dumps({"model": MODEL, "stream": True, "ignore_eos": True, "max_tokens": 3000 if is_middle else 1000,
                       "messages": [{"role": "user", "content": prompt}]})
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(server))
        client.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        if is_middle:
            client.recv(65536)
        else:
            while processing(engine) == 0:
                pass
    began = time.monotonic()
    while processing(engine) > 0:
        pass
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
