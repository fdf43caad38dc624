# SPDX-License-Identifier: Apache-2.0
"""HTTP over a Unix socket."""

import http.client
import json
import socket
from pathlib import Path


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float = 60):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def answers(path: Path, target: str = "/health") -> bool:
    """Whether a GET is answered with 200."""
    connection = UnixConnection(path, timeout=5)
    try:
        connection.request("GET", target)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def post(path: Path, target: str, body: str) -> dict:
    connection = UnixConnection(path)
    try:
        connection.request("POST", target, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            raise RuntimeError(f"POST {target}: {response.status} {text}")
        return json.loads(text)
    finally:
        connection.close()
