# SPDX-License-Identifier: Apache-2.0
"""Debian's docker-registry on a loopback port."""

from contextlib import contextmanager
from pathlib import Path

from bench.nginx import listens
from bench.process import free_port, running, wait_until

CONFIGURATION = """
version: 0.1
log: {{ level: error, accesslog: {{ disabled: true }} }}
storage: {{ filesystem: {{ rootdirectory: {folder}/data }} }}
http: {{ addr: "127.0.0.1:{port}" }}
"""


@contextmanager
def running_registry(folder: Path):
    """Gives the registry's address, host and port."""
    folder.mkdir()
    port, log, configuration = free_port(), folder / "registry.log", folder / "registry.yml"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port))
    with running(["docker-registry", "serve", configuration], log) as child:
        wait_until(lambda: listens(port), "start of docker-registry", child, log)
        yield f"localhost:{port}"
