# SPDX-License-Identifier: Apache-2.0
"""The least that a download takes: receives a blob over one connection, hashes it and writes it past the cache, in one
thread, with nothing else around. `python -m bench.bare_download HOST:PORT REPOSITORY DIGEST TARGET`"""

import hashlib
import mmap
import os
import socket
import sys

BLOCK = 2 << 20
PAGE = mmap.PAGESIZE


def main() -> None:
    authority, repository, digest, target = sys.argv[1:]
    host, port = authority.rsplit(":", 1)
    memory = mmap.mmap(-1, BLOCK)
    block, filled = memoryview(memory), 0
    sha256 = hashlib.sha256()
    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_DIRECT", 0), 0o644)
    with socket.create_connection((host, int(port))) as server:
        server.sendall((f"GET /v2/{repository}/blobs/{digest} HTTP/1.1\r\nHost: {authority}\r\n"
                        "Connection: close\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            if not (more := server.recv(4096)):
                raise RuntimeError("the registry closed the connection")
            head += more
        head, rest = head.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(head.decode())
        block[:len(rest)] = rest
        filled = len(rest)
        while count := server.recv_into(block[filled:]):
            filled += count
            if filled == BLOCK:
                sha256.update(block)
                write(file, block)
                filled = 0
    sha256.update(block[:filled])
    whole = filled - filled % PAGE
    write(file, block[:whole])
    # What does not fill a page can't go past the cache.
    plain = os.open(target, os.O_WRONLY | os.O_APPEND)
    write(plain, block[whole:filled])
    os.fsync(plain)
    if f"sha256:{sha256.hexdigest()}" != digest:
        raise RuntimeError("the digest differs")


def write(file: int, part: memoryview) -> None:
    if os.write(file, part) != len(part):
        raise RuntimeError("the disk took less")


main()
