"""`python -m benchmarks.baselines NAME PORT`: one baseline, under uvicorn as `banyan serve` sets it up."""

import sys
from importlib import import_module

import uvicorn

from app_server.embedded.listening import listen
from app_server.kernel.logs import configure
from app_server.serving import uvicorn_config

if __name__ == "__main__":
    name, port = sys.argv[1], int(sys.argv[2])
    configure("WARNING")
    baseline = import_module(f"benchmarks.baselines.{name}")
    listening = listen("127.0.0.1", port)
    if hasattr(baseline, "serve"):
        baseline.serve(listening)
    else:
        uvicorn.Server(uvicorn_config(baseline.app())).run(sockets=[listening])
