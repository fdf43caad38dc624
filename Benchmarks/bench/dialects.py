# SPDX-License-Identifier: Apache-2.0
"""What Petrel's CPU has to do for each token of a stream, passed on as it is and translated to another dialect."""

import json
from statistics import median

from bench.daemon import engine_folder, running_daemon
from bench.process import precise_cpu_seconds
from bench.result import Result, verdict
from bench.setting import Setting
from bench.unix_http import UnixConnection

ROUNDS = 5
#: Streams one after the other in each run.
STREAMS = 4
MODEL = "bench/demo"
TOKENS = 1000
GOAL_ADDED_US = 20

MESSAGES = [{"role": "user", "content": "Tell me all about the fall of Rome."}]
#: Names, paths and bodies; the first is what the others are compared with.
DIALECTS = {
    "OpenAI": ("/v1/chat/completions", {
        "model": MODEL, "messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True},
        "max_tokens": TOKENS, "ignore_eos": True}),
    "Anthropic": ("/v1/messages", {
        "model": MODEL, "messages": MESSAGES, "stream": True, "max_tokens": TOKENS, "ignore_eos": True}),
    "Responses": ("/v1/responses", {
        "model": MODEL, "input": MESSAGES, "stream": True, "max_output_tokens": TOKENS, "ignore_eos": True}),
    "Ollama": ("/api/chat", {
        "model": MODEL, "messages": MESSAGES, "options": {"num_predict": TOKENS, "ignore_eos": True}}),
}


def measure(setting: Setting) -> Result:
    with running_daemon(setting, setting.folder / "home", LLAMA_SERVER_PATH=str(engine_folder(setting))) as petrel:
        petrel.command("package", "--gguf", setting.weights, MODEL)
        petrel.chat(MODEL)
        runs = {name: [] for name in DIALECTS}
        for number in range(setting.rounds_or(ROUNDS) + 1):
            for name, (path, body) in list(DIALECTS.items())[::-1 if number % 2 else 1]:
                used = cpu_per_token(petrel, path, json.dumps(body))
                # The first round warms up.
                if number > 0:
                    runs[name].append(used)
    return report(runs)


def cpu_per_token(petrel, path: str, body: str) -> float:
    """Seconds."""
    before = precise_cpu_seconds(petrel.pid)
    for _ in range(STREAMS):
        stream(petrel.socket, path, body)
    return (precise_cpu_seconds(petrel.pid) - before) / (STREAMS * TOKENS)


def stream(socket, path: str, body: str) -> None:
    connection = UnixConnection(socket)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        if response.status != 200 or text.count(b"\n") < TOKENS // 2:
            raise RuntimeError(f"POST {path}: {response.status} {text[:200]!r}")
    finally:
        connection.close()


def report(runs: dict) -> Result:
    result = Result(f"Dialects: streams of {TOKENS:,} tokens, Petrel's CPU",
                    ["dialect", "CPU a token", "added", "spread of added"], {"runs": runs, "summary": {}})
    plain = next(iter(runs))
    for name in runs:
        # Neighbours in time, so that a slow spell of the machine meets both.
        added = sorted((own - base) * 1e6 for own, base in zip(runs[name], runs[plain]))
        result.raw["summary"][name] = {"cpu_us": median(runs[name]) * 1e6, "added_us": median(added)}
        is_plain = name == plain
        result.rows.append([
            name, f"{median(runs[name]) * 1e6:.1f} us", "-" if is_plain else f"{median(added):+.1f} us",
            "-" if is_plain else f"{added[0]:+.1f} to {added[-1]:+.1f} us"])
        if not is_plain:
            result.notes.append(
                f"{name}: {median(added):.1f} us added for a token (goal {GOAL_ADDED_US}: "
                f"{verdict(median(added) <= GOAL_ADDED_US)})")
    return result
