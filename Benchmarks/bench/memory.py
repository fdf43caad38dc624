# SPDX-License-Identifier: Apache-2.0
"""The memory of an idle daemon, after its start and after it has served; beside nginx's."""

import time
from contextlib import ExitStack
from statistics import median

from bench.daemon import engine_folder, running_daemon
from bench.nginx import running_nginx
from bench.process import memory
from bench.result import Result
from bench.setting import Setting

ROUNDS = 3
CHATS = 100
MODEL = "bench/demo"
#: What still runs after the last answer must not count as idle.
SETTLE_SECONDS = 1


def measure(setting: Setting) -> Result:
    engine = str(engine_folder(setting))
    names = ("nginx", "petrel, started", "petrel, after one chat", f"petrel, after {CHATS} chats")
    moments = {name: [] for name in names}
    for number in range(setting.rounds_or(ROUNDS)):
        folder = setting.folder / f"round-{number}"
        folder.mkdir()
        with ExitStack() as stack:
            home = folder / "home"
            with running_daemon(setting, home) as packager:
                packager.command("package", "--gguf", setting.weights, MODEL)
            nginx = stack.enter_context(running_nginx(folder / "nginx", folder / "nobody.sock"))
            petrel = stack.enter_context(running_daemon(setting, home, LLAMA_SERVER_PATH=engine))
            readings = [settled(nginx.pids), settled([petrel.pid])]
            for chats in (1, CHATS - 1):
                for _ in range(chats):
                    petrel.chat(MODEL)
                readings.append(settled([petrel.pid]))
        for name, reading in zip(moments, readings):
            moments[name].append(reading)

    result = Result("Memory of the daemon, without its engine", ["", "resident", "proportional"], {"runs": moments})
    for name, readings in moments.items():
        result.rows.append([name] + [f"{median(reading[key] for reading in readings) / 1e6:.1f} MB"
                                     for key in ("rss", "pss")])
    rss = {name: median(reading["rss"] for reading in readings) for name, readings in moments.items()}
    ratio = rss["petrel, started"] / rss["nginx"]
    result.raw["summary"] = {"rss_ratio": ratio}
    result.notes.append(f"resident after the start: {ratio:.1f} x nginx's (master and one worker)")
    return result


def settled(pids: list[int]) -> dict:
    time.sleep(SETTLE_SECONDS)
    return memory(pids)
