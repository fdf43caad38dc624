# SPDX-License-Identifier: Apache-2.0
"""A Petrel daemon in a home of its own."""

import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.process import children, free_port, running, wait_until
from bench.setting import Setting
from bench.unix_http import answers, post


@dataclass(frozen=True)
class Daemon:
    pid: int
    port: int
    socket: Path
    store: Path
    petrel: Path
    environment: dict

    def command(self, *arguments) -> str:
        """Runs a command of the command line against this daemon."""
        done = subprocess.run([self.petrel, *arguments], env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"petrel {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
        return done.stdout

    def chat(self, model: str) -> dict:
        """One short answer; loads the model if need be."""
        request = {"model": model, "max_tokens": 16, "messages": [{"role": "user", "content": "Tell me about whales."}]}
        return post(self.socket, "/engines/v1/chat/completions", json.dumps(request))

    def engine(self) -> int:
        """The process of the only loaded engine."""
        engines = children(self.pid)
        if len(engines) != 1:
            raise RuntimeError(f"the daemon has {len(engines)} engines, not one")
        return engines[0]


def daemon_environment(home: Path, **variables: str) -> dict:
    """This environment without what would configure Petrel, and a home and store below `home`. Engines run without a
    sandbox, in which the stub would not find what it needs."""
    ours = ("PETREL_", "MODEL_RUNNER_", "MODELS_PATH", "LLAMA_ARGS", "LOG_LEVEL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return environment | {"PETREL_HOME": str(home), "MODELS_PATH": str(home / "models"),
                          "PETREL_SANDBOX": "off"} | variables


@contextmanager
def running_daemon(setting: Setting, home: Path, **variables: str):
    """A daemon that answers. `variables` are added to its environment."""
    home.mkdir(exist_ok=True)
    port, log, socket = free_port(), home / "daemon.log", home / "petrel.sock"
    environment = daemon_environment(home, MODEL_RUNNER_PORT=str(port), **variables)
    with running([setting.petrel, "serve"], log, environment) as child:
        wait_until(lambda: answers(socket), "start of petrel", child, log)
        yield Daemon(pid=child.pid, port=port, socket=socket, store=home / "models", petrel=setting.petrel,
                     environment=environment)


def engine_folder(setting: Setting) -> Path:
    """The folder of the real llama-server: the one that Petrel finds with this environment."""
    done = subprocess.run([setting.petrel, "install-runner", "--print-path"], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return Path(done.stdout.strip())


def command_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]


def same_engine(pid: int, socket: Path) -> list[str]:
    """The command line of a running engine, listening elsewhere, with what the environment says of its arguments."""
    command = command_line(pid)
    command[0] = os.readlink(f"/proc/{pid}/exe")
    command[command.index("--host") + 1] = str(socket)
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return ["env", *(variable for variable in variables if variable.startswith("LLAMA_ARG_")), *command]
