"""Endpoints of tenants as local HTTP servers: good ones, flaky ones, and any other behaviour."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

Answer = tuple[int, dict[str, str]]
"""Status and headers."""
Behaviour = Callable[["Request", int], Answer]
"""What an endpoint answers to a request; the number says which it is of those with its webhook id, from 1."""


@dataclass(frozen=True)
class Request:
    """A request that an endpoint got.

    Attributes
    ----------
    path : str
        Path of the URL.
    headers : dict[str, str]
        Names in lower case.
    body : bytes
        Exactly what came.
    """

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        """What the delivery is called, the same in every attempt."""
        return self.headers.get("webhook-id", "")


def good(request: Request, number: int) -> Answer:
    """Answer that all is well."""
    del request, number
    return 204, {}


def flaky(failures: int) -> Behaviour:
    """Return a behaviour that fails so many times for each delivery before it takes it."""

    def behave(request: Request, number: int) -> Answer:
        del request
        return (503, {}) if number <= failures else (204, {})

    return behave


def always(status: int, **headers: str) -> Behaviour:
    """Return a behaviour that is the same for every request."""

    def behave(request: Request, number: int) -> Answer:
        del request, number
        return status, {name.replace("_", "-"): value for name, value in headers.items()}

    return behave


@dataclass
class LocalEndpoint:
    """An HTTP server on the loopback address that remembers what it got.

    Attributes
    ----------
    behaviour : Behaviour
        What it answers; may be replaced while it runs.
    requests : list[Request]
        What it got, in order.
    """

    behaviour: Behaviour = good
    requests: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        """Bind a free port."""
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                endpoint._serve(self)

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def got(self, webhook_id: str) -> list[Request]:
        """Return the requests of a delivery, in order."""
        with self._lock:
            return [request for request in self.requests if request.webhook_id == webhook_id]

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        request = Request(handler.path, {name.lower(): value for name, value in handler.headers.items()}, body)
        with self._lock:
            self.requests.append(request)
            number = sum(each.webhook_id == request.webhook_id for each in self.requests)
        status, headers = self.behaviour(request, number)
        handler.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()

    def __enter__(self) -> Self:
        """Start to answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
