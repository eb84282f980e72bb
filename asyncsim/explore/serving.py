"""The page, served to this machine alone."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
MISSING = "the page needs marimo: pip install 'asyncsim[explore]'"


def serve(cluster: Path | str, port: int, ready: Callable[[str], None]) -> None:
    """Serve the page until the process is interrupted.

    cluster: what the page begins with, as `looking.begin` takes it. port: of 127.0.0.1; 0: one that is free. ready:
    called with the page's address, whose token a browser has to have: other pages, and other users of the machine,
    have none. Requests with another Host than 127.0.0.1 or localhost are refused. Raises OSError where marimo is
    missing, or the port is taken.
    """
    try:
        import marimo
        import uvicorn
        from starlette.middleware.trustedhost import TrustedHostMiddleware
    except ImportError as error:
        raise OSError(f"{error.name} is not installed: {MISSING}") from None
    token = secrets.token_urlsafe(16)
    page = marimo.create_asgi_app(quiet=True, token=token).with_app(
        path="", root=str(Path(__file__).with_name("page.py")), middleware=[lambda app: _told(app, cluster)]
    )
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise OSError(f"port={port}: {error.strerror}: give another --port, or 0 for one that is free") from None
    config = uvicorn.Config(
        TrustedHostMiddleware(page.build(), allowed_hosts=[HOST, "localhost"]), log_level="critical"
    )
    with listening:
        ready(f"http://{HOST}:{listening.getsockname()[1]}/?access_token={token}")
        uvicorn.Server(config).run(sockets=[listening])


def _told(app: Any, cluster: Path | str) -> Any:
    """The app, whose requests say with which file the page begins."""

    async def told(scope, receive, send):
        await app(scope | {"meta": {"cluster": str(cluster)}}, receive, send)

    return told
