"""Providers' APIs with lists of events, on loopback, as their documentation describes them."""

import base64
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lambdas.reconcile.api import Api

Answer = tuple[int, Any, dict[str, str]]


class EventsApi:
    """An API that answers over HTTP.

    Attributes
    ----------
    events : list[dict]
        All events that the provider has.
    key : str
        What it takes as the API key.
    calls : list[tuple[float, str]]
        Time, and method and path of each call.
    faults : list
        What befalls the next calls: an answer, or None for an answer that is lost. ``"fine"`` lets one pass.
    """

    def __init__(self, clock: Callable[[], float], key: str = "rk_test_1") -> None:
        self.clock = clock
        self.key = key
        self.events: list[dict[str, Any]] = []
        self.calls: list[tuple[float, str]] = []
        self.faults: list[Any] = []

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        """Return status, document and headers."""
        raise NotImplementedError

    def bearer(self, headers: Any) -> str:
        return str(headers.get("Authorization", "")).removeprefix("Bearer ")

    @contextmanager
    def serve(self) -> Iterator["EventsApi"]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                address = urlsplit(self.path)
                api.calls.append((api.clock(), f"{self.command} {self.path}"))
                query = {name: values[0] for name, values in parse_qs(address.query).items()}
                fault = api.faults.pop(0) if api.faults else "fine"
                status, document, headers = api.answer(self.command, address.path, query, self.headers, body)
                if fault is None:
                    self.close_connection = True
                    return
                if fault != "fine":
                    status, document, headers = fault
                content = json.dumps(document, indent=2).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _do  # noqa: N815 (names of the standard library)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def client(self, kind: Any, clock: Any, *, sandbox: bool = False) -> Api:
        """Return the reconciliation's client of this API."""
        return Api(
            kind.hosts[sandbox],
            kind.per_second,
            connect=lambda _: http.client.HTTPConnection("127.0.0.1", self.port, timeout=10),
            clock=clock,
            sleep=lambda seconds: setattr(clock, "now", clock.now + seconds),
        )


class StripeApi(EventsApi):
    """``GET /v1/events``: https://docs.stripe.com/api/events/list"""

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        del body
        basic = str(headers.get("Authorization", "")).removeprefix("Basic ")
        if self.key not in (self.bearer(headers), _user(basic)):
            return 401, {"error": {"type": "invalid_request_error"}}, {}
        if (method, path) != ("GET", "/v1/events"):
            return 404, {"error": {"type": "invalid_request_error"}}, {}
        since, until = int(query.get("created[gte]", 0)), int(query.get("created[lt]", 1 << 40))
        newest_first = sorted(self.events, key=lambda one: -one["created"])
        found = [one for one in newest_first if since <= one["created"] < until]
        if after := query.get("starting_after"):
            ids = [one["id"] for one in newest_first]
            if after not in ids:
                return 404, {"error": {"code": "resource_missing"}}, {}
            behind = set(ids[ids.index(after) + 1 :])
            found = [one for one in found if one["id"] in behind]
        limit = int(query.get("limit", 10))
        page = {"object": "list", "url": "/v1/events", "has_more": len(found) > limit, "data": found[:limit]}
        return 200, page, {}


def _user(basic: str) -> str:
    try:
        return base64.b64decode(basic).decode().partition(":")[0]
    except ValueError:
        return ""
