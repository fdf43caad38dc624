#!/usr/bin/env python3
"""Writes docs/openapi.yaml as JSON into the source of the daemon, which serves it.

Usage: embed-openapi.py, with PyYAML. A test tells when it has to be run.
"""
import json
import pathlib

import yaml

root = pathlib.Path(__file__).resolve().parent.parent
document = yaml.safe_load((root / "docs/openapi.yaml").read_text())


def lines(value, depth):
    """JSON with the outer levels on lines of their own, so that a change shows as one."""
    if depth == 0 or not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    members = (json.dumps(name) + ": " + lines(member, depth - 1) for name, member in value.items())
    return "{\n" + ",\n".join(members) + "\n}"


text = lines(document, 3)
assert '"""' not in text and "\\#" not in text
target = root / "Sources/PetrelServer/OpenAPI/OpenAPIText.swift"
target.write_text(
    "// SPDX-License-Identifier: Apache-2.0\n"
    "// swift-format-ignore-file\n\n"
    "// Written by Scripts/embed-openapi.py from docs/openapi.yaml.\n\n"
    "enum OpenAPIText {\n"
    '  static let json: StaticString = #"""\n' + text + '\n"""#\n'
    "}\n"
)
