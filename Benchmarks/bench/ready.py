# SPDX-License-Identifier: Apache-2.0
"""How soon after its engine is ready a waiting request has its first byte."""

import socket
import time
from statistics import median

from bench.daemon import running_daemon
from bench.latency import MODEL
from bench.result import Result, verdict
from bench.setting import Setting
from bench.streams import request

ROUNDS = 20
#: The engine "loads" for so long before it listens.
LOAD_SECONDS = 0.3
GOAL_MS = 10


def measure(setting: Setting) -> Result:
    folder = setting.folder / "engine"
    folder.mkdir()
    slow = folder / "llama-server"
    slow.write_text(f"#!/bin/sh\nsleep {LOAD_SECONDS}\nexec '{setting.tools / 'llama-server'}' \"$@\"\n")
    slow.chmod(0o755)
    times = []
    with running_daemon(setting, setting.folder / "home", LLAMA_SERVER_PATH=str(slow)) as petrel:
        petrel.command("package", "--gguf", setting.weights, MODEL)
        for _ in range(setting.rounds_or(ROUNDS)):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(petrel.socket))
                connection.sendall(request(1, 0))
                received = connection.recv(65536)
                first = time.monotonic_ns()
                if b" 200 " not in received[:20]:
                    raise RuntimeError(f"refused: {received[:500]}")
            notes = (setting.folder / "home" / "run").rglob("*.sock.ready")
            times.append((first - max(int(note.read_text()) for note in notes)) / 1e6)
            petrel.command("unload", MODEL)
    result = Result("Ready: from the moment when an engine listens to the first byte for who waited",
                    ["", "median", "slowest"], {"ms": times})
    result.rows.append(["petrel", f"{median(times):.1f} ms", f"{max(times):.1f} ms"])
    result.notes.append(f"goal {GOAL_MS} ms: {verdict(median(times) <= GOAL_MS)}")
    return result
