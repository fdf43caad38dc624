# SPDX-License-Identifier: Apache-2.0
"""The second turn of a coding agent's conversation: time to the first token, with the rules for prompts and without."""

import json
import time
from contextlib import ExitStack
from statistics import median

from bench import random_gguf
from bench.daemon import engine_folder, running_daemon
from bench.result import Result
from bench.setting import Setting
from bench.unix_http import UnixConnection

ROUNDS = 5
MODEL = "bench/agent"
#: Some 2,500 tokens, as the system prompts of agents have several thousand.
RULES = "Answer in one sentence and be kind to everybody who asks. " * 120


def measure(setting: Setting) -> Result:
    weights = setting.folder / "random.gguf"
    random_gguf.write(setting.weights, weights, random_gguf.SMALL)
    engine = str(engine_folder(setting))
    with ExitStack() as stack:
        daemons = {}
        for rules in ("on", "off"):
            daemons[rules] = stack.enter_context(running_daemon(
                setting, setting.folder / rules, LLAMA_SERVER_PATH=engine, PETREL_PROMPT_RULES=rules))
            daemons[rules].command("package", "--gguf", weights, MODEL)
            daemons[rules].chat(MODEL)
        runs = {rules: [] for rules in daemons}
        for number in range(setting.rounds_or(ROUNDS)):
            for rules, petrel in list(daemons.items())[::-1 if number % 2 else 1]:
                runs[rules].append(conversation(petrel, number))
    return report(runs)


def conversation(petrel, number: int) -> dict:
    """Two turns. Each round has a conversation of its own, so that nothing is left of the last one."""
    def system(turn: int) -> str:
        return (f"x-anthropic-billing-header: cc_version=2.1; cch={number * 7919 + turn * 104729};\n"
                f"Conversation {number}. {RULES}")

    first = [{"role": "user", "content": "Which files are there?"}]
    answer = ask(petrel, system(1), first)
    second = ask(petrel, system(2), first + [{"role": "assistant", "content": answer["text"] or "None."},
                                             {"role": "user", "content": "And the next?"}])
    return {"first_s": answer["first_s"], "second_s": second["first_s"],
            "reused": second["reused"] / max(1, second["prompt"]), "prompt": second["prompt"]}


def ask(petrel, system: str, messages: list) -> dict:
    """Seconds to the first token, and what was reused of the prompt."""
    body = {"model": MODEL, "max_tokens": 8, "temperature": 0, "stream": True, "system": system, "messages": messages}
    connection = UnixConnection(petrel.socket)
    try:
        began = time.perf_counter()
        connection.request("POST", "/v1/messages", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"POST /v1/messages: {response.status} {response.read()[:300]!r}")
        first, text, usage = None, "", {}
        for line in response:
            if not line.startswith(b"data: "):
                continue
            event = json.loads(line[6:])
            if event["type"] == "content_block_delta":
                first = first or time.perf_counter() - began
                text += event["delta"].get("text", "")
            usage |= event.get("message", event).get("usage") or {}
    finally:
        connection.close()
    reused = usage.get("cache_read_input_tokens", 0)
    return {"first_s": first or time.perf_counter() - began, "text": text, "reused": reused,
            "prompt": reused + usage.get("input_tokens", 0)}


def report(runs: dict) -> Result:
    result = Result("Turns: time to the first token of an agent's conversation, random weights",
                    ["rules", "first turn", "second turn", "prompt", "reused"], {"runs": runs, "summary": {}})
    for rules, own in runs.items():
        def middle(key: str) -> float:
            return median(run[key] for run in own)

        result.raw["summary"][rules] = {key: middle(key) for key in own[0]}
        result.rows.append([rules, f"{middle('first_s') * 1e3:.0f} ms", f"{middle('second_s') * 1e3:.0f} ms",
                            f"{middle('prompt'):,.0f} tokens", f"{middle('reused') * 100:.1f} %"])
    ratios = sorted(off["second_s"] / on["second_s"] for on, off in zip(runs["on"], runs["off"]))
    result.notes.append(f"without the rules the second turn takes {median(ratios):.1f} times as long "
                        f"({ratios[0]:.1f} to {ratios[-1]:.1f})")
    return result
