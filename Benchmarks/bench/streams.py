# SPDX-License-Identifier: Apache-2.0
"""What Petrel adds to streams: time to the first event, processor time of each event, memory of each open stream."""

import json
import select
import socket
import time
from contextlib import ExitStack
from statistics import median

from bench.daemon import running_daemon
from bench.latency import MODEL, TARGET
from bench.nginx import listens, running_nginx
from bench.process import free_port, memory, precise_cpu_seconds, running, wait_until
from bench.result import Result, verdict
from bench.setting import Setting

ROUNDS = 5
#: Requests of one round for the time to the first event.
REQUESTS = 300
#: Streams at a time, events of each and microseconds between two, for the processor time: as slow that each event is
#: relayed by itself, and as fast that some are relayed together.
RELAYS = {"8 streams, 5 ms apart": (8, 400, 5000), "8 streams, 1 ms apart": (8, 2000, 1000),
          "1 stream, as fast as it goes": (1, 20000, 0)}
OPEN_STREAMS = 1000
#: As many as a model takes at a time; more models serve the rest.
STREAMS_PER_MODEL = 60
GOAL_FIRST_US = 100
GOAL_CHUNK_US = 5
GOAL_STREAM_KB = 30


def request(chunks: int, interval_us: int, model: str = MODEL) -> bytes:
    body = json.dumps({"model": model, "stream": True, "stub_chunks": chunks, "stub_interval_us": interval_us,
                       "messages": [{"role": "user", "content": "Give me one fact of whales"}]},
                      separators=(",", ":")).encode()
    return (f"POST {TARGET} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def first_events(port: int) -> float:
    """The median time to the first event, in microseconds, of requests one after the other."""
    times = []
    message = request(2, 0)
    with connect(port) as connection:
        for _ in range(REQUESTS):
            began = time.perf_counter_ns()
            connection.sendall(message)
            received = connection.recv(65536)
            while b"data:" not in received:
                received += connection.recv(65536)
            times.append((time.perf_counter_ns() - began) / 1e3)
            while not received.endswith(b"\r\n0\r\n\r\n"):
                received += connection.recv(65536)
    return median(times)


def relay_cost(port: int, pids: list[int], streams: int, chunks: int, interval_us: int) -> float:
    """Microseconds of processor time that `pids` take for each event."""
    connections = {connection.fileno(): connection for connection in (connect(port) for _ in range(streams))}
    before = sum(precise_cpu_seconds(pid) for pid in pids)
    for connection in connections.values():
        connection.sendall(request(chunks, interval_us))
    tails = dict.fromkeys(connections, b"")
    while connections:
        for number in select.select(list(connections), [], [])[0]:
            received = connections[number].recv(262144)
            tails[number] = (tails[number] + received)[-16:]
            if not received:
                raise RuntimeError("a stream ended too early")
            if tails[number].endswith(b"\r\n0\r\n\r\n"):
                connections.pop(number).close()
    used = sum(precise_cpu_seconds(pid) for pid in pids) - before
    return used * 1e6 / (streams * chunks)


def open_streams(petrel, models: list[str]) -> dict:
    """Bytes of memory that each of many open streams takes."""
    before = memory([petrel.pid])
    connections = []
    for number in range(OPEN_STREAMS):
        connection = connect(petrel.port)
        connection.sendall(request(1_000_000, 2_000_000, models[number // STREAMS_PER_MODEL]))
        connections.append(connection)
    for connection in connections:
        if b" 200 " not in connection.recv(65536)[:20]:
            raise RuntimeError("a stream was refused")
    after = memory([petrel.pid])
    for connection in connections:
        connection.close()
    return {"before": before, "after": after,
            "each": (after["rss"] - before["rss"]) / OPEN_STREAMS}


def measure(setting: Setting) -> Result:
    stub, engine_socket, port = setting.tools / "llama-server", setting.folder / "stub.sock", free_port()
    log = setting.folder / "stub.log"
    models = [f"bench/stub-{number}" for number in range(-(-OPEN_STREAMS // STREAMS_PER_MODEL))]
    with ExitStack() as stack:
        child = stack.enter_context(running([stub, "--host", engine_socket, "--tcp-port", port], log))
        wait_until(lambda: listens(port), "start of the engine stub", child, log)
        nginx = stack.enter_context(running_nginx(setting.folder / "nginx", engine_socket))
        petrel = stack.enter_context(running_daemon(
            setting, setting.folder / "home", LLAMA_SERVER_PATH=str(stub), PETREL_MAX_RUNNERS=str(len(models) + 1)))
        for number, model in enumerate([MODEL, *models]):
            petrel.command("package", "--gguf", setting.weights, "--context-size", str(1000 + number), model)
            petrel.chat(model)

        peers = {"direct": (port, [child.pid]), "nginx": (nginx.port, nginx.pids), "petrel": (petrel.port, [petrel.pid])}
        firsts = {peer: [] for peer in peers}
        relays = {name: {peer: [] for peer in peers} for name in RELAYS}
        for _ in range(setting.rounds_or(ROUNDS)):
            for peer, (peer_port, pids) in peers.items():
                firsts[peer].append(first_events(peer_port))
            for name, order in RELAYS.items():
                for peer, (peer_port, pids) in peers.items():
                    if peer != "direct":
                        relays[name][peer].append(relay_cost(peer_port, pids, *order))
        streams = open_streams(petrel, models)
    return report(firsts, relays, streams)


def report(firsts: dict, relays: dict, streams: dict) -> Result:
    raw = {"first_event_us": firsts, "event_cpu_us": relays, "open_streams": streams}
    result = Result("Streams: an engine stub that sends events of 280 bytes",
                    ["before the stub", "first event", "added", *(f"CPU/event, {name}" for name in RELAYS)], raw)
    first = {peer: median(times) for peer, times in firsts.items()}
    for peer in firsts:
        costs = ["-" if peer == "direct" else f"{median(relays[name][peer]):.2f} us" for name in RELAYS]
        added = "-" if peer == "direct" else f"{first[peer] - first['direct']:+.0f} us"
        result.rows.append([peer, f"{first[peer]:.0f} us", added, *costs])
    added = first["petrel"] - first["direct"]
    cost = {name: median(relays[name]["petrel"]) for name in RELAYS}
    each = streams["each"] / 1000
    raw["summary"] = {"added_us": added, "event_cpu_us": cost, "stream_kb": each}
    result.notes += [
        f"added time to the first event: {added:.0f} us (goal {GOAL_FIRST_US}: {verdict(added <= GOAL_FIRST_US)})",
        "CPU of a relayed event: " + ", ".join(
            f"{name}: {value:.1f} us (goal {GOAL_CHUNK_US}: {verdict(value <= GOAL_CHUNK_US)})"
            for name, value in cost.items()),
        f"{OPEN_STREAMS} open streams: {each:.1f} kB each (goal {GOAL_STREAM_KB}: {verdict(each <= GOAL_STREAM_KB)})"]
    return result
