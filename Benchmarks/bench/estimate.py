# SPDX-License-Identifier: Apache-2.0
"""What engines take for models of several shapes, beside what Petrel expected them to take."""

import json
import shutil

from bench import model_shapes
from bench.daemon import Daemon, engine_folder, running_daemon
from bench.result import Result
from bench.setting import Setting
from bench.unix_http import post

#: More tokens than one batch has, so that every buffer is used.
PROMPT = 1200
EMBEDDED = 2000
#: What differs from the default in a variant of the first shape.
VARIANTS = {
    "2,048 tokens of context": ["--context-size", "2048"],
    "cache of q8_0": ["--", "--cache-type-k", "q8_0", "--cache-type-v", "q8_0"],
    "1 request at a time": ["--parallel", "1"],
    "batches of 128 tokens": ["--", "--ubatch-size", "128"],
}


def measure(setting: Setting) -> Result:
    tokenizer, pairs = model_shapes.tokenizer_of(setting.weights)
    result = Result("Memory of engines", ["model", "weights", "cache and state", "expected", "after a prompt", ""], {})
    engine = str(engine_folder(setting))
    with running_daemon(setting, setting.folder / "home", LLAMA_SERVER_PATH=engine, PETREL_MAX_RUNNERS="1") as petrel:
        petrel.command("package", "--gguf", setting.weights, "bench/demo")
        row(result, petrel, "demo", "bench/demo", "completion")
        for number, shape in enumerate(model_shapes.all_shapes()):
            file, name = setting.folder / f"{shape.name}.gguf", f"bench/{shape.name}"
            model_shapes.write(shape, tokenizer, pairs, file)
            petrel.command("package", "--gguf", file, name)
            file.unlink()
            if shape.mode != "completion":
                # Without any setting the model would be one for completion.
                petrel.command("configure", "--no-preload", "--mode", shape.mode, "--keep-alive", "5m", name)
            row(result, petrel, shape.name, name, shape.mode)
            for variant, flags in VARIANTS.items() if number == 0 else ():
                end = flags.index("--") if "--" in flags else len(flags)
                petrel.command("configure", "--no-preload", "--reset", *flags[:end], name, *flags[end:])
                row(result, petrel, f"{shape.name}, {variant}", name, shape.mode)
            petrel.command("rm", "--force", name)
    shutil.rmtree(setting.folder / "home")
    return result


def row(result: Result, petrel: Daemon, title: str, model: str, mode: str) -> None:
    estimate = json.loads(petrel.command("run", "--dry-run", "--json", model))["estimate"]
    terms = {term["name"]: term["bytes"] for term in estimate["terms"]}
    if mode == "embedding":
        post(petrel.socket, "/v1/embeddings", json.dumps({"model": model, "input": tokens(EMBEDDED)}))
    else:
        post(petrel.socket, "/v1/completions", json.dumps({"model": model, "prompt": tokens(PROMPT), "max_tokens": 4}))
    runners = json.loads(petrel.command("ps", "--json"))
    measured = next(runner["memory"] for runner in runners if runner["model_name"] == model)
    kept = terms.get("kv-cache", 0) + terms.get("recurrent-state", 0)
    result.rows.append([title, mebibytes(terms["weights"]), mebibytes(kept), mebibytes(estimate["total"]),
                        mebibytes(measured), f"{(estimate['total'] / measured - 1) * 100:+.0f} %"])
    result.raw[title] = {"estimate": estimate, "measured": measured}


def tokens(count: int) -> list[int]:
    return [300 + number % 500 for number in range(count)]


def mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
