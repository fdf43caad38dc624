# SPDX-License-Identifier: Apache-2.0
"""Tokens a second of a streamed chat through Petrel, against the same llama-server spoken to directly."""

import json
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from bench import random_gguf
from bench.daemon import command_line, engine_folder, running_daemon
from bench.result import Result
from bench.setting import Setting

CLIENTS = (1, 4, 16)


@dataclass(frozen=True)
class Load:
    model: str
    label: str
    #: Of one answer.
    tokens: int
    #: Pairs of runs, by clients. Many short ones: the machine's speed changes within seconds, and a pair's two runs are
    #: neighbours in time.
    pairs: dict[int, int]
    #: Of random weights; None for the demo model's own.
    dimensions: random_gguf.Dimensions | None = None

    @property
    def body(self) -> str:
        return json.dumps({
            "model": self.model, "max_tokens": self.tokens, "temperature": 0.7, "seed": 7, "ignore_eos": True,
            "stream": True, "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": "Tell me all about the fall of Rome."}]})


LOADS = (
    Load("bench/demo", "demo model, 4M parameters", 256, {1: 60, 4: 40, 16: 24}),
    Load("bench/small", "random weights, 77M parameters", 256, {1: 16, 4: 12, 16: 8}, random_gguf.SMALL),
    Load("bench/medium", "random weights, SmolLM2 360M's shape", 128, {1: 12, 4: 8, 16: 4}, random_gguf.MEDIUM),
)


def measure(setting: Setting) -> Result:
    columns = ["model", "clients", "llama-server", "petrel", "petrel / llama-server", "quartiles", "pairs",
               "first byte", "first byte, petrel"]
    result = Result("Tokens: streamed chat over a Unix socket", columns, {})
    for load in LOADS:
        weights = setting.weights
        if load.dimensions:
            weights = setting.folder / "random.gguf"
            random_gguf.write(setting.weights, weights, load.dimensions)
        result.raw[load.model] = raw = compare(setting, load, weights)
        add_rows(result, load, raw)
    return result


def compare(setting: Setting, load: Load, weights: Path) -> dict:
    with ExitStack() as stack:
        folder = setting.folder / load.model.replace("/", "-")
        petrel = stack.enter_context(running_daemon(setting, folder, LLAMA_SERVER_PATH=str(engine_folder(setting))))
        petrel.command("package", "--gguf", weights, load.model)
        petrel.chat(load.model)

        # The same process for both: two engines differ by more than what is measured here.
        command = command_line(petrel.engine())
        peers = {"llama-server": Path(command[command.index("--host") + 1]), "petrel": petrel.socket}
        tool = setting.tools / "chat-load"
        for peer_socket in peers.values():
            stream(tool, peer_socket, max(CLIENTS), load.body)
        runs = {peer: {clients: [] for clients in CLIENTS} for peer in peers}
        for clients in CLIENTS:
            pairs = load.pairs[clients] * setting.rounds_or(5) // 5
            for number in range(max(2, pairs)):
                # The one that goes first changes, so that neither has the other's warmth.
                for peer, peer_socket in list(peers.items())[::-1 if number % 2 else 1]:
                    runs[peer][clients].append(stream(tool, peer_socket, clients, load.body))
    return {"runs": runs, "command": command}


def stream(tool: Path, socket: Path, clients: int, body: str) -> dict:
    done = subprocess.run([tool, socket, str(clients), body], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"chat-load at {socket}: {done.stderr.strip()[-1000:]}")
    one = json.loads(done.stdout)
    return one | {"tokens_per_second": one["tokens"] / one["seconds"]}


def add_rows(result: Result, load: Load, raw: dict) -> None:
    runs = raw["runs"]
    raw["summary"] = {}
    for clients in CLIENTS:
        def middle(peer: str, key: str) -> float:
            return median(run[key] for run in runs[peer][clients])

        rate, bare = (middle(peer, "tokens_per_second") for peer in ("petrel", "llama-server"))
        # The ratio of neighbours in time, so that a slow spell of the machine meets both.
        ratios = [ours["tokens_per_second"] / theirs["tokens_per_second"]
                  for ours, theirs in zip(runs["petrel"][clients], runs["llama-server"][clients])]
        low, ratio, high = quantiles(ratios, n=4)
        raw["summary"][clients] = {"ratio": ratio, "quartiles": [low, high], "petrel": rate, "llama_server": bare}
        result.rows.append([load.label, str(clients), f"{bare:,.0f} tok/s", f"{rate:,.0f} tok/s", f"{ratio:.3f}",
                            f"{low:.3f} to {high:.3f}", str(len(ratios)),
                            f"{middle('llama-server', 'first_byte_seconds') * 1e3:.1f} ms",
                            f"{middle('petrel', 'first_byte_seconds') * 1e3:.1f} ms"])
