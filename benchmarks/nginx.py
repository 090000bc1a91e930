"""nginx in the gateway's place, where Debian's or another's is installed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app_server.embedded.processes import free_port
from benchmarks.servers import Server, running

# One worker, as we are one process; connections to the mini-app are kept, and none is closed after a thousand requests.
CONFIGURATION = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream miniapp {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://miniapp;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""


@contextmanager
def nginx(directory: Path, *, upstream: int) -> Iterator[Server | None]:
    """nginx until the end of the block, passing everything on; None where it is not installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        yield None
        return
    port, configuration = free_port(), directory / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(directory=directory, upstream=upstream, port=port))
    command = [program, "-p", str(directory), "-c", str(configuration)]
    with running(command, {}, directory / "nginx.log", port, "/healthz") as server:
        yield server
