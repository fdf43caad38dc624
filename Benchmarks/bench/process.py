# SPDX-License-Identifier: Apache-2.0
"""Child processes: started with their output in a file, stopped for certain, and looked at through /proc."""

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(command: list, log: Path, environment: dict | None = None):
    """Runs a program for as long as the block lasts. Its output goes to `log`."""
    with open(log, "ab") as output:
        child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output,
                                 stderr=subprocess.STDOUT, env=environment)
    try:
        yield child
    finally:
        stop(child)


def stop(child: subprocess.Popen) -> None:
    """Asks the program to end, and makes it end when it does not."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    try:
        child.wait(timeout=20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def wait_until(is_true, what: str, child: subprocess.Popen | None = None, log: Path | None = None,
               timeout: float = 30, interval: float = 0.01) -> None:
    """Polls until `is_true()`, else says what was waited for and shows the end of the program's log."""
    deadline = time.monotonic() + timeout
    while not is_true():
        ended = child is not None and child.poll() is not None
        if ended or time.monotonic() > deadline:
            tail = "".join(log.read_text(errors="replace").splitlines(keepends=True)[-10:]) if log else ""
            raise RuntimeError(f"{what}: {'the program ended' if ended else 'not within the time limit'}\n{tail}")
        time.sleep(interval)


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    # A child belongs to the thread that started it.
    for task in Path(f"/proc/{pid}/task").iterdir():
        if task.name != str(pid):
            text += " " + (task / "children").read_text()
    return [int(word) for word in text.split()]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that the processes have taken so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_SECOND


def precise_cpu_seconds(pid: int) -> float:
    """The CPU time of a process's present threads in nanosecond steps; of threads that have ended it knows nothing."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def memory(pids: list[int]) -> dict:
    """Resident and proportional size in bytes. Pages that processes share count in the second by share."""
    sizes = {"rss": 0, "pss": 0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split()[:2]
            if name in ("Rss:", "Pss:"):
                sizes[name[:-1].lower()] += int(value) * 1024
    return sizes


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
