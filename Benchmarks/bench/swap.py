# SPDX-License-Identifier: Apache-2.0
"""How long it takes to change from one model to another where there is room for one, beside doing it by hand."""

import json
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.daemon import engine_folder, running_daemon, same_engine
from bench.process import stop
from bench.result import Result, verdict
from bench.setting import Setting
from bench.unix_http import answers, post

ROUNDS = 20
MODELS = ("bench/a", "bench/b")
GOAL_MS = 50


def measure(setting: Setting) -> Result:
    with ExitStack() as stack:
        petrel = stack.enter_context(running_daemon(
            setting, setting.folder / "home", LLAMA_SERVER_PATH=str(engine_folder(setting)), PETREL_MAX_RUNNERS="1"))
        hand = stack.enter_context(ByHand(setting.folder / "hand.sock", setting.folder / "hand.log"))
        for number, model in enumerate(MODELS):
            # Other contexts make other models of the same weights.
            petrel.command("package", "--gguf", setting.weights, "--context-size", str(1024 + 256 * number), model)
            petrel.chat(model)
            hand.commands[model] = same_engine(petrel.engine(), hand.socket)
        hand.swap(MODELS[0])
        petrel.chat(MODELS[0])
        times = {"by hand": [], "petrel": []}
        for number in range(setting.rounds_or(ROUNDS)):
            model = MODELS[(number + 1) % 2]
            peers = [("by hand", lambda: hand.swap(model)), ("petrel", lambda: petrel.chat(model))]
            for peer, swap in peers[::-1 if number % 2 else 1]:
                began = time.monotonic()
                swap()
                times[peer].append((time.monotonic() - began) * 1e3)
    return report(times)


class ByHand:
    """One llama-server, which is stopped and started with another command line."""

    def __init__(self, socket: Path, log: Path):
        self.socket, self.log = socket, log
        self.commands: dict[str, list[str]] = {}
        self.child: subprocess.Popen | None = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child:
            stop(self.child)

    def swap(self, model: str) -> None:
        """Until the first short answer of the other model."""
        if self.child:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait()
        self.socket.unlink(missing_ok=True)
        with open(self.log, "ab") as output:
            self.child = subprocess.Popen(self.commands[model], stdin=subprocess.DEVNULL, stdout=output,
                                          stderr=subprocess.STDOUT)
        while not answers(self.socket):
            if self.child.poll() is not None:
                raise RuntimeError(f"llama-server ended: {self.log.read_text(errors='replace')[-1000:]}")
            # As often as Petrel asks.
            time.sleep(0.005)
        request = {"model": model, "max_tokens": 16, "messages": [{"role": "user", "content": "Tell me about whales."}]}
        post(self.socket, "/v1/chat/completions", json.dumps(request))


def report(times: dict) -> Result:
    result = Result("Swap: from a request for the other model to its answer, with room for one",
                    ["", "median", "fastest", "slowest"], {"ms": times})
    for peer, all_times in times.items():
        result.rows.append([peer] + [f"{value:.0f} ms" for value in
                                     (median(all_times), min(all_times), max(all_times))])
    # Neighbours in time, so that a slow spell of the machine meets both.
    added = median(ours - theirs for ours, theirs in zip(times["petrel"], times["by hand"]))
    result.raw["summary"] = {"added_ms": added}
    result.notes.append(f"petrel takes {added:+.0f} ms more, median of {len(times['petrel'])} pairs "
                        f"(goal {GOAL_MS}: {verdict(added <= GOAL_MS)})")
    return result
