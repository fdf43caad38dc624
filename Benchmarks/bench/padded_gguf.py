# SPDX-License-Identifier: Apache-2.0
"""Writes a GGUF file of any size: a valid header with one tensor of random bytes."""

import os
import struct
from pathlib import Path

ALIGNMENT = 32
CHUNK = 16 << 20


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def write(path: Path, size: int) -> None:
    string_type, int8_type = 8, 24
    metadata = text("general.architecture") + struct.pack("<I", string_type) + text("llama")

    def header(elements: int) -> bytes:
        tensor = text("token_embd.weight") + struct.pack("<IQIQ", 1, elements, int8_type, 0)
        counts = struct.pack("<IQQ", 3, 1, 1)
        bare = b"GGUF" + counts + metadata + tensor
        return bare + bytes(-len(bare) % ALIGNMENT)

    left = size - len(header(0))
    with open(path, "wb") as file:
        file.write(header(left))
        while left > 0:
            file.write(os.urandom(min(left, CHUNK)))
            left -= CHUNK
