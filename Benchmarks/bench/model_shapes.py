# SPDX-License-Identifier: Apache-2.0
"""GGUF files of several architectures with random weights, as large as small real models: what matters for memory is their
shape. The tokenizer is that of the demo model, filled up with tokens that never occur. Sources: the GGUF specification,
version 3; tensor names as llama.cpp's converters write them."""

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

from bench import random_gguf
from bench.random_gguf import F32, Q8_0, padded, repeated, text

F16 = 1
VOCABULARY = 32_000
UINT32, FLOAT32, BOOL, STRING, ARRAY, INT32 = 4, 6, 7, 8, 9, 5


@dataclass
class Shape:
    name: str
    architecture: str
    facts: dict = field(default_factory=dict)
    tensors: list = field(default_factory=list)
    mode: str = "completion"

    def tensor(self, name: str, dimensions: list[int], kind: int = Q8_0) -> None:
        self.tensors.append((f"{name}.weight", dimensions, kind))


def all_shapes() -> list[Shape]:
    return [llama_gqa(), llama_mha(), gemma(), moe(), mla(), mamba(), uneven(), bert()]


def dense(shape: Shape, layers: int, width: int, forward: int, heads: list[int] | int, kv: list[int] | int, head: int,
          kind: int = Q8_0) -> Shape:
    shape.facts |= {"context_length": 8192, "embedding_length": width, "block_count": layers, "feed_forward_length": forward,
                    "attention.head_count": heads, "attention.head_count_kv": kv, "attention.key_length": head,
                    "attention.value_length": head, "attention.layer_norm_rms_epsilon": 1e-6, "rope.freq_base": 10000.0,
                    "rope.dimension_count": head}
    shape.tensor("token_embd", [width, VOCABULARY], kind)
    shape.tensor("output_norm", [width], F32)
    for layer in range(layers):
        q = (heads[layer] if isinstance(heads, list) else heads) * head
        k = (kv[layer] if isinstance(kv, list) else kv) * head
        for name, dimensions in [("attn_q", [width, q]), ("attn_k", [width, k]), ("attn_v", [width, k]),
                                 ("attn_output", [q, width])]:
            shape.tensor(f"blk.{layer}.{name}", dimensions, kind)
        shape.tensor(f"blk.{layer}.attn_norm", [width], F32)
        shape.tensor(f"blk.{layer}.ffn_norm", [width], F32)
    return shape


def forward(shape: Shape, layers: int, width: int, size: int, kind: int = Q8_0) -> Shape:
    for layer in range(layers):
        for name, dimensions in [("ffn_gate", [width, size]), ("ffn_up", [width, size]), ("ffn_down", [size, width])]:
            shape.tensor(f"blk.{layer}.{name}", dimensions, kind)
    return shape


def llama_gqa() -> Shape:
    return forward(dense(Shape("llama-gqa", "llama"), 16, 1024, 2816, 16, 4, 64), 16, 1024, 2816)


def llama_mha() -> Shape:
    return forward(dense(Shape("llama-mha-f16", "llama"), 12, 768, 2048, 12, 12, 64, F16), 12, 768, 2048, F16)


def gemma() -> Shape:
    shape = forward(dense(Shape("gemma3-window", "gemma3"), 18, 640, 2048, 4, 1, 256), 18, 640, 2048)
    shape.facts |= {"attention.sliding_window": 512}
    for layer in range(18):
        for name, size in [("attn_q_norm", 256), ("attn_k_norm", 256), ("post_attention_norm", 640), ("post_ffw_norm", 640)]:
            shape.tensor(f"blk.{layer}.{name}", [size], F32)
    return shape


def moe() -> Shape:
    layers, width, experts, size = 12, 512, 16, 384
    shape = dense(Shape("qwen3moe", "qwen3moe"), layers, width, 1536, 8, 4, 64)
    shape.facts |= {"expert_count": experts, "expert_used_count": 4, "expert_feed_forward_length": size}
    for layer in range(layers):
        for name in ["attn_q_norm", "attn_k_norm"]:
            shape.tensor(f"blk.{layer}.{name}", [64], F32)
        shape.tensor(f"blk.{layer}.ffn_gate_inp", [width, experts], F32)
        for name, dimensions in [("ffn_gate_exps", [width, size, experts]), ("ffn_up_exps", [width, size, experts]),
                                 ("ffn_down_exps", [size, width, experts])]:
            shape.tensor(f"blk.{layer}.{name}", dimensions)
    return shape


def mla() -> Shape:
    layers, width, heads, rank, rope, nope, value = 10, 768, 8, 256, 32, 64, 64
    shape = Shape("deepseek2-mla", "deepseek2")
    shape.facts |= {"context_length": 8192, "embedding_length": width, "block_count": layers, "feed_forward_length": 2048,
                    "attention.head_count": heads, "attention.head_count_kv": 1,
                    "attention.key_length": rank + rope, "attention.value_length": rank,
                    "attention.key_length_mla": nope + rope, "attention.value_length_mla": value,
                    "attention.kv_lora_rank": rank, "attention.q_lora_rank": rank, "attention.layer_norm_rms_epsilon": 1e-6, "rope.freq_base": 10000.0,
                    "rope.dimension_count": rope, "leading_dense_block_count": layers, "expert_count": 4,
                    "expert_used_count": 2, "expert_shared_count": 1, "expert_feed_forward_length": 256,
                    "expert_weights_scale": 1.0}
    shape.tensor("token_embd", [width, VOCABULARY])
    shape.tensor("output_norm", [width], F32)
    shape.tensor("output", [width, VOCABULARY])
    for layer in range(layers):
        for name, dimensions, kind in [
                ("attn_norm", [width], F32), ("ffn_norm", [width], F32), ("attn_kv_a_norm", [rank], F32),
                ("attn_q_a_norm", [rank], F32), ("attn_q_a", [width, rank], Q8_0),
                ("attn_q_b", [rank, heads * (nope + rope)], Q8_0), ("attn_kv_a_mqa", [width, rank + rope], Q8_0),
                ("attn_k_b", [nope, rank, heads], Q8_0), ("attn_v_b", [rank, value, heads], Q8_0),
                ("attn_output", [heads * value, width], Q8_0)]:
            shape.tensor(f"blk.{layer}.{name}", dimensions, kind)
    return forward(shape, layers, width, 2048)


def mamba() -> Shape:
    layers, width, inner, state, rank, kernel = 24, 768, 1536, 16, 48, 4
    shape = Shape("mamba", "mamba")
    shape.facts |= {"context_length": 8192, "embedding_length": width, "block_count": layers, "feed_forward_length": 0,
                    "attention.head_count": 0, "attention.layer_norm_rms_epsilon": 1e-6, "ssm.conv_kernel": kernel,
                    "ssm.inner_size": inner, "ssm.state_size": state, "ssm.time_step_rank": rank}
    shape.tensor("token_embd", [width, VOCABULARY])
    shape.tensor("output_norm", [width], F32)
    for layer in range(layers):
        block = f"blk.{layer}."
        for name, dimensions, kind in [
                ("attn_norm.weight", [width], F32), ("ssm_in.weight", [width, 2 * inner], Q8_0),
                ("ssm_conv1d.weight", [kernel, inner], F32), ("ssm_conv1d.bias", [inner], F32),
                ("ssm_x.weight", [inner, rank + 2 * state], Q8_0), ("ssm_dt.weight", [rank, inner], F32),
                ("ssm_dt.bias", [inner], F32), ("ssm_a", [state, inner], F32), ("ssm_d", [inner], F32),
                ("ssm_out.weight", [inner, width], Q8_0)]:
            shape.tensors.append((block + name, dimensions, kind))
    return shape


def uneven() -> Shape:
    """Numbers of heads, of cached heads and the feed-forward's width differ from layer to layer; some have no attention."""
    heads, kv, sizes = [16, 16, 0, 16, 16, 0, 16, 16], [4, 4, 0, 8, 8, 0, 2, 2], [1024 + 256 * n for n in range(8)]
    shape = dense(Shape("deci-uneven", "deci"), 8, 1024, 0, heads, kv, 64)
    shape.facts |= {"feed_forward_length": sizes}
    without = tuple(f"blk.{layer}.attn_" for layer in range(8) if not heads[layer])
    shape.tensors = [tensor for tensor in shape.tensors if not tensor[0].startswith(without)]
    for layer in range(8):
        for name, dimensions in [("ffn_gate", [1024, sizes[layer]]), ("ffn_up", [1024, sizes[layer]]),
                                 ("ffn_down", [sizes[layer], 1024])]:
            shape.tensor(f"blk.{layer}.{name}", dimensions)
    return shape


def bert() -> Shape:
    layers, width, size = 12, 768, 3072
    shape = Shape("bert-embedding", "bert", mode="embedding")
    shape.facts |= {"context_length": 2048, "embedding_length": width, "block_count": layers, "feed_forward_length": size,
                    "attention.head_count": 12, "attention.layer_norm_epsilon": 1e-6, "attention.causal": False,
                    "pooling_type": 1}
    for name, dimensions, kind in [
            ("token_embd.weight", [width, VOCABULARY], Q8_0), ("token_types.weight", [width, 2], F32),
            ("position_embd.weight", [width, 2048], F32), ("token_embd_norm.weight", [width], F32),
            ("token_embd_norm.bias", [width], F32)]:
        shape.tensors.append((name, dimensions, kind))
    for layer in range(layers):
        for name, dimensions in [("attn_q", [width, width]), ("attn_k", [width, width]), ("attn_v", [width, width]),
                                 ("attn_output", [width, width]), ("ffn_up", [width, size]), ("ffn_down", [size, width])]:
            shape.tensor(f"blk.{layer}.{name}", dimensions)
            shape.tensors.append((f"blk.{layer}.{name}.bias", [dimensions[1]], F32))
        for name in ["attn_output_norm", "layer_output_norm"]:
            for part in ["weight", "bias"]:
                shape.tensors.append((f"blk.{layer}.{name}.{part}", [width], F32))
    return shape


def write(shape: Shape, tokenizer: bytes, pairs: int, target: Path) -> None:
    """`tokenizer` is what :func:`tokenizer_of` gave."""
    metadata = text("general.architecture") + value(shape.architecture)
    for key, fact in shape.facts.items():
        metadata += text(f"{shape.architecture}.{key}") + value(fact)
    metadata += text("tokenizer.ggml.token_type_count") + value(2)
    header = struct.pack("<IQQ", 3, len(shape.tensors), pairs + 2 + len(shape.facts))
    pattern = {Q8_0: b"".join(struct.pack("<e", 0.001) + os.urandom(32) for _ in range(4096)),
               F16: struct.pack("<2048e", *[0.01 * (1 if byte > 127 else -1) for byte in os.urandom(2048)]),
               F32: struct.pack("<f", 1)}
    with target.open("wb") as file:
        file.write(b"GGUF" + header + metadata + tokenizer)
        offset = 0
        for name, dimensions, kind in shape.tensors:
            file.write(text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset))
            offset += padded(size(dimensions, kind))
        file.write(bytes(padded(file.tell()) - file.tell()))
        for _, dimensions, kind in shape.tensors:
            length = size(dimensions, kind)
            file.write(repeated(pattern[kind], length) + bytes(padded(length) - length))


def size(dimensions: list[int], kind: int) -> int:
    return random_gguf.size(dimensions, F32) // 2 if kind == F16 else random_gguf.size(dimensions, kind)


def value(fact) -> bytes:
    if isinstance(fact, bool):
        return struct.pack("<I?", BOOL, fact)
    if isinstance(fact, int):
        return struct.pack("<II", UINT32, fact)
    if isinstance(fact, float):
        return struct.pack("<If", FLOAT32, fact)
    if isinstance(fact, str):
        return struct.pack("<I", STRING) + text(fact)
    if isinstance(fact[0], int):
        return struct.pack("<IIQ", ARRAY, INT32, len(fact)) + struct.pack(f"<{len(fact)}i", *fact)
    return struct.pack("<IIQ", ARRAY, STRING, len(fact)) + b"".join(text(item) for item in fact)


def tokenizer_of(path: Path) -> tuple[bytes, int]:
    """The pairs about tokens, with as many tokens as :data:`VOCABULARY`, and how many pairs they are."""
    pairs, taken = b"", 0
    with path.open("rb") as file:
        _, _, count = struct.unpack("<4xIQQ", file.read(24))
        for _ in range(count):
            start = file.tell()
            key = random_gguf.read_text(file)
            kind = random_gguf.number(file, "I")
            body = file.tell()
            if key in ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type"):
                _, length = struct.unpack("<IQ", file.read(12))
                if key.endswith("tokens"):
                    tokens = [random_gguf.read_text(file) for _ in range(length)]
                    new = tokens + [f"<unused {n}>" for n in range(VOCABULARY - length)]
                else:
                    new = list(struct.unpack(f"<{length}i", file.read(4 * length))) + [1] * (VOCABULARY - length)
                pair = text(key) + value(new)
            else:
                random_gguf.skip(file, kind)
                end = file.tell()
                file.seek(start)
                pair = file.read(end - start)
            assert body > start
            if key.startswith("tokenizer."):
                pairs, taken = pairs + pair, taken + 1
    return pairs, taken
