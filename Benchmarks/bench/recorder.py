# SPDX-License-Identifier: Apache-2.0
"""What recording requests costs: the rate with the recorder on, beside that with the recorder off."""

from contextlib import ExitStack
from statistics import median, quantiles

from bench.daemon import running_daemon
from bench.latency import BODY, MODEL, TARGET
from bench.result import Result, verdict
from bench.setting import Setting
from bench.wrk import load

ROUNDS = 12
SECONDS = 3
GOAL = 0.95


def measure(setting: Setting) -> Result:
    stub = setting.tools / "llama-server"
    runs = {"off": [], "all": []}
    with ExitStack() as stack:
        daemons = {}
        for scope in runs:
            petrel = stack.enter_context(running_daemon(
                setting, setting.folder / scope, LLAMA_SERVER_PATH=str(stub), PETREL_RECORD_REQUESTS=scope))
            petrel.command("package", "--gguf", setting.weights, MODEL)
            petrel.chat(MODEL)
            load(petrel.port, TARGET, BODY, 32, 1, [petrel.pid])
            daemons[scope] = petrel
        for number in range(setting.rounds_or(ROUNDS)):
            # The one that goes first changes.
            for scope in list(runs)[::-1 if number % 2 else 1]:
                petrel = daemons[scope]
                runs[scope].append(load(petrel.port, TARGET, BODY, 32, SECONDS, [petrel.pid]))
    result = Result("Recorder: requests a second at 32 connections, an engine stub that answers at once",
                    ["recorder", "requests/s", "CPU/request"], {"runs": runs})
    for scope, name in (("off", "off"), ("all", "on")):
        rate, cpu = (median(run[key] for run in runs[scope]) for key in ("rps", "cpu_us"))
        result.rows.append([name, f"{rate:,.0f}", f"{cpu:.1f} us"])
    low, ratio, high = quantiles([on["rps"] / off["rps"] for on, off in zip(runs["all"], runs["off"])], n=4)
    result.raw["summary"] = {"ratio": ratio, "quartiles": [low, high]}
    result.notes.append(f"on / off: {ratio:.3f}, quartiles {low:.3f} to {high:.3f} "
                        f"(goal {GOAL}: {verdict(ratio >= GOAL)})")
    return result
