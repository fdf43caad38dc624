# SPDX-License-Identifier: Apache-2.0
"""What it takes to put a long request in Anthropic's words into those of chat completions."""

import json
import time
from statistics import median

from bench.daemon import running_daemon
from bench.process import precise_cpu_seconds
from bench.result import Result, verdict
from bench.setting import Setting
from bench.unix_http import UnixConnection

ROUNDS = 7
REQUESTS = 200
MODEL = "bench/stub"
SIZE = 100_000
GOAL_US = 300

TEXT = ("The file has forty functions; I looked at each of them. \"Quotes\", a path C:\\\\src\\\\main.c, and a line\nbreak "
        "stand in it, as they do in code. Größe, naïve, 鯨. ")


def conversation() -> tuple[dict, dict]:
    """A conversation of a coding agent, of `SIZE` bytes in Anthropic's words, and the same for chat completions."""
    schema = {"type": "object", "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}}}
    names = [f"tool_{number}" for number in range(12)]
    system = TEXT * 20
    theirs = {"model": MODEL, "max_tokens": 16, "system": [{"type": "text", "text": system}],
              "tools": [{"name": name, "description": TEXT, "input_schema": schema} for name in names], "messages": []}
    ours = {"model": MODEL, "max_tokens": 16, "messages": [{"role": "system", "content": system}],
            "tools": [{"type": "function", "function": {"name": name, "description": TEXT, "parameters": schema}}
                      for name in names]}
    turn = 0
    while len(json.dumps(theirs, ensure_ascii=False).encode()) < SIZE:
        turn += 1
        call = f"call_{turn}"
        arguments = {"path": f"src/file{turn}.swift", "lines": turn}
        theirs["messages"] += [
            {"role": "user", "content": [{"type": "text", "text": TEXT * 3}]},
            {"role": "assistant", "content": [{"type": "text", "text": TEXT}, {
                "type": "tool_use", "id": call, "name": names[turn % 12], "input": arguments}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": TEXT * 4}]}]
        ours["messages"] += [
            {"role": "user", "content": TEXT * 3},
            {"role": "assistant", "content": TEXT, "tool_calls": [{
                "id": call, "type": "function",
                "function": {"name": names[turn % 12], "arguments": json.dumps(arguments)}}]},
            {"role": "tool", "tool_call_id": call, "content": TEXT * 4}]
    return theirs, ours


def measure(setting: Setting) -> Result:
    theirs, ours = (json.dumps(body, ensure_ascii=False).encode() for body in conversation())
    kinds = {"chat completions": ("/v1/chat/completions", ours), "Anthropic": ("/v1/messages", theirs)}
    stub = setting.tools / "llama-server"
    with running_daemon(setting, setting.folder / "home", LLAMA_SERVER_PATH=str(stub),
                        PETREL_RECORD_REQUESTS="off") as petrel:
        petrel.command("package", "--gguf", setting.weights, MODEL)
        petrel.chat(MODEL)
        runs = {name: [] for name in kinds}
        for number in range(setting.rounds_or(ROUNDS) + 1):
            for name, (path, body) in list(kinds.items())[::-1 if number % 2 else 1]:
                run = load(petrel, path, body)
                # The first round warms up.
                if number > 0:
                    runs[name].append(run)
    return report(runs, {name: len(body) for name, (_, body) in kinds.items()})


def load(petrel, path: str, body: bytes) -> dict:
    connection = UnixConnection(petrel.socket)
    times = []
    before = precise_cpu_seconds(petrel.pid)
    try:
        for _ in range(REQUESTS):
            began = time.perf_counter()
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            times.append(time.perf_counter() - began)
            if response.status != 200:
                raise RuntimeError(f"POST {path}: {response.status} {text[:200]!r}")
    finally:
        connection.close()
    return {"cpu_us": (precise_cpu_seconds(petrel.pid) - before) / REQUESTS * 1e6, "p50_us": median(times) * 1e6}


def report(runs: dict, sizes: dict) -> Result:
    result = Result(f"Translation: a request of {SIZE // 1000} KB, an engine stub that answers at once",
                    ["dialect", "bytes", "CPU a request", "p50"], {"runs": runs, "bytes": sizes, "summary": {}})
    for name, own in runs.items():
        result.rows.append([name, f"{sizes[name]:,}", f"{median(run['cpu_us'] for run in own):.0f} us",
                            f"{median(run['p50_us'] for run in own):.0f} us"])
    plain, other = runs.values()
    for key, what in (("cpu_us", "CPU"), ("p50_us", "time")):
        # Neighbours in time, so that a slow spell of the machine meets both.
        added = sorted(one[key] - base[key] for one, base in zip(other, plain))
        result.raw["summary"][key] = median(added)
        result.notes.append(f"Anthropic: {median(added):.0f} us of {what} added ({added[0]:.0f} to {added[-1]:.0f}; "
                            f"goal {GOAL_US}: {verdict(median(added) <= GOAL_US)})")
    return result
