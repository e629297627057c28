"""Providers' APIs with lists of events, on loopback, as their documentation describes them."""

import base64
import http.client
import json
import ssl
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from lambdas.reconcile.api import Api
from lambdas.shared import times

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

    def __init__(self, clock: Callable[[], float], key: str = "rk_live_1") -> None:
        self.clock = clock
        self.key = key
        self.events: list[dict[str, Any]] = []
        self.calls: list[tuple[float, str]] = []
        self.faults: list[Any] = []

    def asked(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        """Note a call, and return its answer."""
        self.calls.append((self.clock(), f"{method} {path}"))
        address = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        return self.answer(method, address.path, query, headers, body)

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        """Return status, document and headers."""
        raise NotImplementedError

    def bearer(self, headers: Any) -> str:
        return str(headers.get("Authorization", "")).removeprefix("Bearer ")

    @contextmanager
    def serve(self) -> Iterator["EventsApi"]:
        with serving(lambda _: self) as self.port:
            yield self

    def client(self, kind: Any, clock: Any, *, sandbox: bool = False) -> Api:
        """Return the reconciliation's client of this API."""
        return Api(
            kind.hosts[sandbox],
            kind.per_second,
            connect=lambda _: http.client.HTTPConnection("127.0.0.1", self.port, timeout=10),
            clock=clock,
            sleep=lambda seconds: setattr(clock, "now", clock.now + seconds),
        )


@contextmanager
def serving(api_of: Callable[[str], EventsApi], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve APIs by the host that is asked for, and return the port; over TLS if that is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            api = api_of(self.headers["Host"])
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = api.faults.pop(0) if api.faults else "fine"
            status, document, headers = api.asked(self.command, self.path, self.headers, body)
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
    if tls is not None:
        # Each connection shakes hands in a thread of its own.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class StripeApi(EventsApi):
    """``GET /v1/events``: https://docs.stripe.com/api/events/list"""

    # Events of a page at most.
    most = 100
    _of: Sequence[Any] = ()

    def _sorted(self) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """Return the events from the newest to the oldest, and the place of each by its id; for many events, fast."""
        if self._of != [self.events, len(self.events)]:
            newest_first = sorted(self.events, key=_age)
            self._of = [self.events, len(self.events)]
            self._kept = newest_first, {one["id"]: place for place, one in enumerate(newest_first)}
        return self._kept

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        del body
        basic = str(headers.get("Authorization", "")).removeprefix("Basic ")
        if self.key not in (self.bearer(headers), _user(basic)):
            return 401, {"error": {"type": "invalid_request_error"}}, {}
        if (method, path) != ("GET", "/v1/events"):
            return 404, {"error": {"type": "invalid_request_error"}}, {}
        since, until = int(query.get("created[gte]", 0)), int(query.get("created[lt]", 1 << 40))
        newest_first, places = self._sorted()
        begin = bisect_right(newest_first, -until, key=_age)
        if after := query.get("starting_after"):
            if after not in places:
                return 404, {"error": {"code": "resource_missing"}}, {}
            begin = max(begin, places[after] + 1)
        found = newest_first[begin : bisect_right(newest_first, -since, key=_age)]
        limit = min(int(query.get("limit", 10)), self.most)
        page = {"object": "list", "url": "/v1/events", "has_more": len(found) > limit, "data": found[:limit]}
        return 200, page, {}


def _age(event: dict[str, Any]) -> int:
    return -int(event["created"])


def _user(basic: str) -> str:
    try:
        return base64.b64decode(basic).decode().partition(":")[0]
    except ValueError:
        return ""


class PayPalApi(EventsApi):
    """``GET /v1/notifications/webhooks-events``: https://developer.paypal.com/api/webhooks/v1/webhooks-events-list"""

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        if path == "/v1/oauth2/token":
            known = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == self.key
            granted = method == "POST" and body == b"grant_type=client_credentials" and known
            token = {"access_token": "A21.token", "token_type": "Bearer", "expires_in": 32_400}
            return (200, token, {}) if granted else (401, {"error": "invalid_client"}, {})
        if self.bearer(headers) != "A21.token":
            return 401, {"name": "AUTHENTICATION_FAILURE"}, {}
        since, until = (times.parse(query.get(name, "")) for name in ("start_time", "end_time"))
        found = [
            one
            for one in self.events
            if (since or 0) <= (times.parse(one["create_time"]) or 0) <= (until or float("inf"))
        ]
        offset, size = int(query.get("offset", 0)), int(query.get("page_size", 10))
        links = [{"href": f"https://api-m.paypal.com{path}", "rel": "self", "method": "GET"}]
        if offset + size < len(found):
            more = urlencode({**query, "offset": offset + size})
            links.append({"href": f"https://api-m.paypal.com{path}?{more}", "rel": "next", "method": "GET"})
        page = found[offset : offset + size]
        return 200, {"events": page, "count": len(page), "links": links}, {}


class SquareApi(EventsApi):
    """``POST /v2/events``: https://developer.squareup.com/reference/square/events-api/SearchEvents"""

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        del query
        if self.bearer(headers) != self.key:
            return 401, {"errors": [{"category": "AUTHENTICATION_ERROR", "code": "UNAUTHORIZED"}]}, {}
        if (method, path) != ("POST", "/v2/events"):
            return 404, {"errors": []}, {}
        search = json.loads(body)
        created = search.get("query", {}).get("filter", {}).get("created_at", {})
        since, until = (times.parse(created.get(name, "")) for name in ("start_at", "end_at"))
        found = [
            one
            for one in self.events
            if (since or 0) <= (times.parse(one["created_at"]) or 0) <= (until or float("inf"))
        ]
        offset, size = int(search.get("cursor", 0)), search.get("limit", 100)
        page = found[offset : offset + size]
        metadata = [{"event_id": one["event_id"], "api_version": "2026-01-22"} for one in page]
        more = {"cursor": str(offset + size)} if offset + size < len(found) else {}
        # Without events there is no such member.
        return 200, {**({"events": page, "metadata": metadata} if page else {}), **more}, {}


class GitHubApi(EventsApi):
    """A hook's deliveries: https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook

    Here an event is a delivery: ``id``, ``guid``, ``delivered_at``, and ``request`` with ``headers`` and ``payload``.
    """

    hook = "/repos/acme/shop/hooks/7/deliveries"

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        del body
        if self.bearer(headers) != self.key:
            return 401, {"message": "Bad credentials"}, {}
        newest_first = sorted(self.events, key=lambda one: -one["id"])
        if method == "GET" and path == self.hook:
            begin = int(query.get("cursor", "v1_0").removeprefix("v1_"))
            end = begin + int(query.get("per_page", 30))
            link = f'<https://api.github.com{path}?per_page=30&cursor=v1_{end}>; rel="next"'
            listed = [
                {name: one[name] for name in ("id", "guid", "delivered_at")} | {"status_code": 502}
                for one in newest_first[begin:end]
            ]
            return 200, listed, {"Link": link} if end < len(newest_first) else {}
        found = [one for one in newest_first if path == f"{self.hook}/{one['id']}"]
        return (200, found[0], {}) if method == "GET" and found else (404, {"message": "Not Found"}, {})
