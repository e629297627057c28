"""Starts MiniStack with connections that stay open as long as Terraform's provider keeps them, and with what it lacks.

MiniStack closes a connection that was idle for 75 s, or that carried 1,000 requests. The provider keeps one for 90 s
and any number of requests, and a request on a connection that is being closed may be carried out without an answer:
the provider tries again, and what it creates is there already, or what it deletes is gone.
"""

import runpy
from pathlib import Path
from typing import Any

import hypercorn.asyncio

KEEP_ALIVE_SECONDS = 600
REQUESTS_OF_A_CONNECTION = 1_000_000

_serve = hypercorn.asyncio.serve


def _serve_patiently(app: Any, config: Any, **options: Any) -> Any:
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.keep_alive_max_requests = REQUESTS_OF_A_CONNECTION
    return _serve(app, config, **options)


if __name__ == "__main__":
    # By its path: with the repository among the places of modules, the server could take one of ours for its own.
    runpy.run_path(str(Path(__file__).with_name("ministack_partiql.py")))["teach_partiql"]()
    runpy.run_path(str(Path(__file__).with_name("ministack_direct.py")))["teach_direct_integrations"]()
    hypercorn.asyncio.serve = _serve_patiently
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
