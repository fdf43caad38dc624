# SPDX-License-Identifier: Apache-2.0
"""nginx as a plain reverse proxy: the peer whose cost everybody knows."""

import os
import socket as sockets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.process import children, free_port, running, wait_until

CONFIGURATION = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream engine {{
    server unix:{upstream};
    keepalive 64;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://engine;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    port: int
    #: The master and its worker.
    pids: list[int]


@contextmanager
def running_nginx(folder: Path, upstream: Path):
    """nginx with one worker and connections that stay open, before the Unix socket `upstream`."""
    folder.mkdir()
    port, log = free_port(), folder / "error.log"
    # The worker must be allowed to connect to the socket of a private folder.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, upstream=upstream, port=port, user=user))
    path = os.environ | {"PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    with running(["nginx", "-c", configuration, "-e", log], log, path) as child:
        wait_until(lambda: listens(port) and len(children(child.pid)) == 1, "start of nginx", child, log)
        yield Nginx(port=port, pids=[child.pid, *children(child.pid)])


def listens(port: int) -> bool:
    with sockets.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
