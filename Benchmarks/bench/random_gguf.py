# SPDX-License-Identifier: Apache-2.0
"""A GGUF file with the vocabulary of a small model and random weights of a larger one: it says nothing that makes sense,
at the speed of a model that would. Source: the GGUF specification, version 3."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

ALIGNMENT = 32
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY, UINT32 = 8, 9, 4
F32, Q8_0 = 0, 8
#: 32 weights and their scale.
BLOCK_WEIGHTS, BLOCK_BYTES = 32, 34

#: Dimensions of a head, as in the model whose vocabulary is taken.
HEAD = 64


@dataclass(frozen=True)
class Dimensions:
    layers: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: int


#: About 77 million parameters.
SMALL = Dimensions(layers=12, width=768, feed_forward=2048, heads=12, kv_heads=4)
#: Those of SmolLM2 360M: 316 million parameters with the smaller vocabulary.
MEDIUM = Dimensions(layers=32, width=960, feed_forward=2560, heads=15, kv_heads=5)


def write(source: Path, target: Path, dimensions: Dimensions) -> None:
    """Takes all metadata of `source`, a Qwen3 model, but its dimensions."""
    metadata, count, vocabulary = read_metadata(source, dimensions)
    tensors = list(shapes(dimensions, vocabulary))
    pattern = b"".join(struct.pack("<e", 0.001) + os.urandom(BLOCK_WEIGHTS) for _ in range(4096))
    with target.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), count) + metadata)
        offset = 0
        for name, dimensions, kind in tensors:
            file.write(text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset))
            offset += padded(size(dimensions, kind))
        file.write(bytes(padded(file.tell()) - file.tell()))
        for _, dimensions, kind in tensors:
            length = size(dimensions, kind)
            # Norms of one; weights around zero.
            content = struct.pack("<f", 1) * (length // 4) if kind == F32 else repeated(pattern, length)
            file.write(content + bytes(padded(length) - length))


def shapes(of: Dimensions, vocabulary: int):
    queries, keys = of.heads * HEAD, of.kv_heads * HEAD
    yield "token_embd.weight", [of.width, vocabulary], Q8_0
    yield "output_norm.weight", [of.width], F32
    for layer in range(of.layers):
        for name, dimensions, kind in [
            ("attn_norm", [of.width], F32), ("ffn_norm", [of.width], F32),
            ("attn_q_norm", [HEAD], F32), ("attn_k_norm", [HEAD], F32),
            ("attn_q", [of.width, queries], Q8_0), ("attn_output", [queries, of.width], Q8_0),
            ("attn_k", [of.width, keys], Q8_0), ("attn_v", [of.width, keys], Q8_0),
            ("ffn_gate", [of.width, of.feed_forward], Q8_0), ("ffn_up", [of.width, of.feed_forward], Q8_0),
            ("ffn_down", [of.feed_forward, of.width], Q8_0),
        ]:
            yield f"blk.{layer}.{name}.weight", dimensions, kind


def read_metadata(path: Path, of: Dimensions) -> tuple[bytes, int, int]:
    """The pairs as bytes with the new dimensions, how many they are, and the size of the vocabulary."""
    replaced = {
        "qwen3.embedding_length": of.width, "qwen3.block_count": of.layers,
        "qwen3.feed_forward_length": of.feed_forward, "qwen3.attention.head_count": of.heads,
        "qwen3.attention.head_count_kv": of.kv_heads}
    pairs, vocabulary = b"", 0
    with path.open("rb") as file:
        _, _, count = struct.unpack("<4xIQQ", file.read(24))
        for _ in range(count):
            start = file.tell()
            key = read_text(file)
            kind = number(file, "I")
            if key == "tokenizer.ggml.tokens":
                vocabulary = struct.unpack("<4xQ", file.read(12))[0]
                file.seek(-12, os.SEEK_CUR)
            skip(file, kind)
            end = file.tell()
            file.seek(start)
            pair = file.read(end - start)
            if key in replaced:
                pair = text(key) + struct.pack("<II", UINT32, replaced.pop(key))
            pairs += pair
    if replaced or not vocabulary:
        raise RuntimeError(f"{path} has no {', '.join(replaced) or 'vocabulary'}; the benchmark wants the demo model")
    return pairs, count, vocabulary


def skip(file: BinaryIO, kind: int) -> None:
    if kind == STRING:
        file.seek(number(file, "Q"), os.SEEK_CUR)
    elif kind == ARRAY:
        element, count = number(file, "I"), number(file, "Q")
        if element in SCALARS:
            file.seek(count * struct.calcsize("<" + SCALARS[element]), os.SEEK_CUR)
        else:
            for _ in range(count):
                skip(file, element)
    else:
        file.seek(struct.calcsize("<" + SCALARS[kind]), os.SEEK_CUR)


def read_text(file: BinaryIO) -> str:
    return file.read(number(file, "Q")).decode()


def number(file: BinaryIO, kind: str) -> int:
    return struct.unpack("<" + kind, file.read(struct.calcsize("<" + kind)))[0]


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def size(dimensions: list[int], kind: int) -> int:
    weights = 1
    for dimension in dimensions:
        weights *= dimension
    return weights * 4 if kind == F32 else weights // BLOCK_WEIGHTS * BLOCK_BYTES


def padded(length: int) -> int:
    return -(-length // ALIGNMENT) * ALIGNMENT


def repeated(pattern: bytes, length: int) -> bytes:
    return (pattern * (length // len(pattern) + 1))[:length]
