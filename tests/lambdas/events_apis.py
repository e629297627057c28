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
from tools.senders import SentWebhook

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
    registrations : list[dict]
        How webhooks are registered, as the provider's API shows it.
    forbidden : str
        Which paths the key may not read: what they contain.
    faults : list
        What befalls the next calls: an answer, or None for an answer that is lost. ``"fine"`` lets one pass.
    """

    def __init__(self, clock: Callable[[], float], key: str = "rk_live_1") -> None:
        self.clock = clock
        self.key = key
        self.events: list[dict[str, Any]] = []
        self.calls: list[tuple[float, str]] = []
        self.registrations: list[dict[str, Any]] = []
        self.forbidden = "nothing"
        self.faults: list[Any] = []

    def asked(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        """Note a call, and return its answer."""
        self.calls.append((self.clock(), f"{method} {path}"))
        address = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if self.forbidden in address.path:
            return 403, {}, {}
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

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815 (names of the standard library)

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
    """Events and webhook endpoints.

    https://docs.stripe.com/api/events/list, https://docs.stripe.com/api/webhook_endpoints/object
    """

    # Events of a page at most.
    most = 100
    made = 0

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.secrets: dict[str, str] = {}
        self.resent: list[tuple[str, str]] = []
        self._done: dict[Any, Answer] = {}

    _of: Sequence[Any] = ()

    def _sorted(self) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """Return the events from the newest to the oldest, and the place of each by its id; for many events, fast."""
        if self._of != [self.events, len(self.events)]:
            newest_first = sorted(self.events, key=_age)
            self._of = [self.events, len(self.events)]
            self._kept = newest_first, {one["id"]: place for place, one in enumerate(newest_first)}
        return self._kept

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        basic = str(headers.get("Authorization", "")).removeprefix("Basic ")
        if self.key not in (self.bearer(headers), _user(basic)):
            return 401, {"error": {"type": "invalid_request_error"}}, {}
        if path.startswith("/v1/webhook_endpoints"):
            done = (headers.get("Idempotency-Key"), path, body)
            if done[0] is None or done not in self._done:
                self._done[done] = self._endpoints(method, path.removeprefix("/v1/webhook_endpoints").lstrip("/"), body)
            return self._done[done]
        if method == "POST" and path.endswith("/retry"):
            self.resent.append((path.split("/")[3], parse_qs(body.decode())["webhook_endpoint"][0]))
            return 200, {"object": "event"}, {}
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
        if (delivered := query.get("delivery_success")) is not None:
            found = [one for one in found if (one.get("pending_webhooks", 0) == 0) is (delivered == "true")]
        limit = min(int(query.get("limit", 10)), self.most)
        page = {"object": "list", "url": "/v1/events", "has_more": len(found) > limit, "data": found[:limit]}
        return 200, page, {}

    def _endpoints(self, method: str, id_: str, body: bytes) -> Answer:
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        if (method, id_) == ("GET", ""):
            shown = {"object": "list", "url": "/v1/webhook_endpoints", "has_more": False, "data": self.registrations}
            return 200, shown, {}
        if (method, id_) == ("POST", ""):
            self.made += 1
            made = stripe_endpoint("", id=f"we_made_{self.made}", enabled_events=[])
            self.secrets[made["id"]] = f"whsec_{self.made:024}"
            self.registrations.append(made)
            return 200, {**self._changed(made, form), "secret": self.secrets[made["id"]]}, {}
        found = [one for one in self.registrations if one["id"] == id_]
        if not found:
            return 404, {"error": {"code": "resource_missing"}}, {}
        if method == "DELETE":
            self.registrations.remove(found[0])
            return 200, {"id": id_, "object": "webhook_endpoint", "deleted": True}, {}
        return 200, self._changed(found[0], form) if method == "POST" else found[0], {}

    def _changed(self, one: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
        """Change an endpoint as a form says, and return it. An empty value removes a member of the metadata."""
        types = [value for name, value in form.items() if name.startswith("enabled_events[")]
        marks = {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
        kept = {name: value for name, value in {**one["metadata"], **marks}.items() if value}
        status = {"true": "disabled", "false": "enabled", None: one["status"]}[form.get("disabled")]
        changes = {"url": form.get("url", one["url"]), "enabled_events": types or one["enabled_events"]}
        one.update(**changes, metadata=kept, status=status)
        return dict(one)


def stripe_endpoint(url: str, **changes: Any) -> dict[str, Any]:
    """Return a webhook endpoint, as in ``fixtures3.json`` of https://github.com/stripe/openapi."""
    shown = {
        "id": "we_1",
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": 1_680_122_196,
        "description": None,
        "enabled_events": ["*"],
        "livemode": True,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }
    return {**shown, **changes}


def _age(event: dict[str, Any]) -> int:
    return -int(event["created"])


def _user(basic: str) -> str:
    try:
        return base64.b64decode(basic).decode().partition(":")[0]
    except ValueError:
        return ""


class PayPalApi(EventsApi):
    """``GET /v1/notifications/webhooks-events``: https://developer.paypal.com/api/webhooks/v1/webhooks-events-list"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.resent: list[tuple[str, str]] = []

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        if path == "/v1/oauth2/token":
            known = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == self.key
            granted = method == "POST" and body == b"grant_type=client_credentials" and known
            token = {"access_token": "A21.token", "token_type": "Bearer", "expires_in": 32_400}
            return (200, token, {}) if granted else (401, {"error": "invalid_client"}, {})
        if self.bearer(headers) != "A21.token":
            return 401, {"name": "AUTHENTICATION_FAILURE"}, {}
        if path.startswith("/v1/notifications/webhooks/"):
            shown = [one for one in self.registrations if path == f"/v1/notifications/webhooks/{one['id']}"]
            for change in json.loads(body) if method == "PATCH" else ():
                shown[0][change["path"].strip("/")] = change["value"]
            return (200, shown[0], {}) if shown else (404, {"name": "INVALID_RESOURCE_ID"}, {})
        if path.endswith("/resend"):
            self.resent.append((path.split("/")[4], json.loads(body)["webhook_ids"][0]))
            return 202, {}, {}
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

    # Subscriptions of a page at most.
    most = 100

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        if self.bearer(headers) != self.key:
            return 401, {"errors": [{"category": "AUTHENTICATION_ERROR", "code": "UNAUTHORIZED"}]}, {}
        if path.startswith("/v2/webhooks/subscriptions"):
            return self._subscriptions(method, path.rpartition("/")[2], query, body)
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

    def _subscriptions(self, method: str, id_: str, query: dict[str, str], body: bytes) -> Answer:
        if method == "POST":
            asked = json.loads(body)
            if asked["idempotency_key"] not in [one.get("key") for one in self.registrations]:
                made = {**square_subscription("", []), **asked["subscription"], "key": asked["idempotency_key"]}
                self.registrations.append({**made, "id": f"wbhk_{len(self.registrations) + 1}"})
            return 200, {"subscription": self.registrations[-1]}, {}
        if id_ == "subscriptions":
            disabled_too = query.get("include_disabled") == "true"
            shown = [one for one in self.registrations if one["enabled"] or disabled_too]
            begin = int(query.get("cursor", 0))
            more = {"cursor": str(begin + self.most)} if begin + self.most < len(shown) else {}
            return 200, {**({"subscriptions": shown[begin : begin + self.most]} if shown else {}), **more}, {}
        (found,) = (one for one in self.registrations if one["id"] == id_)
        found.update(json.loads(body)["subscription"] if method == "PUT" else {})
        return 200, {"subscription": found}, {}


class GoCardlessApi(EventsApi):
    """Source: https://developer.gocardless.com/api-reference/#events-list-events."""

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        if self.bearer(headers) != self.key:
            return 401, {"error": {"code": 401, "type": "invalid_api_usage", "message": "Unauthorized"}}, {}
        if headers.get("GoCardless-Version") != "2015-07-06":
            return 400, {"error": {"code": 400, "type": "invalid_api_usage", "message": "version missing"}}, {}
        if (method, path) != ("GET", "/events"):
            return 404, {"error": {"code": 404, "type": "invalid_api_usage", "message": "not found"}}, {}
        since, until = (times.parse(query.get(f"created_at[{name}]", "")) for name in ("gte", "lt"))
        found = [
            one
            for one in sorted(self.events, key=lambda one: str(one["created_at"]), reverse=True)
            if (since or 0) <= (times.parse(one["created_at"]) or 0) < (until or float("inf"))
        ]
        size, begin = int(query.get("limit", 50)), 0
        if after := query.get("after"):
            places = [place for place, one in enumerate(found) if one["id"] == after]
            if not places:
                return 400, {"error": {"code": 400, "type": "invalid_api_usage", "message": "invalid cursor"}}, {}
            begin = places[0] + 1
        page = found[begin : begin + size]
        following = page[-1]["id"] if begin + size < len(found) else None
        cursors = {"before": page[0]["id"] if begin else None, "after": following}
        return 200, {"events": page, "meta": {"cursors": cursors, "limit": size}}, {}


class LithicApi(EventsApi):
    """Events, event subscriptions, and attempts: https://docs.lithic.com/docs/events-api.

    Attempts are of subscription or event: https://docs.lithic.com/reference/getmessageattemptsforeventsubscription
    """

    most = 100

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.attempts: list[dict[str, Any]] = []
        self.resent: list[tuple[str, str]] = []

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        if headers.get("Authorization") != self.key:
            return 401, {"message": "Please provide API key in Authorization header"}, {}
        parts = path.split("/")[2:]
        lists = {"/v1/events": self._events(query), "/v1/event_subscriptions": self.registrations}
        if parts[2:] == ["attempts"]:
            member = {"events": "event_token", "event_subscriptions": "event_subscription_token"}[parts[0]]
            lists[path] = [one for one in self._attempts(query) if one[member] == parts[1]]
        if method == "POST" and parts[2:3] + parts[4:] == ["event_subscriptions", "resend"]:
            self.resent.append((parts[1], parts[3]))
            return 200, None, {}
        if method != "GET" or path not in lists:
            return 404, {"message": "Not found"}, {}
        found, begin = lists[path], 0
        if after := query.get("starting_after"):
            places = [place for place, one in enumerate(found) if one.get("token") == after]
            if not places:
                return 400, {"message": "Invalid starting_after"}, {}
            begin = places[0] + 1
        end = begin + min(int(query.get("page_size", 50)), self.most)
        return 200, {"data": found[begin:end], "has_more": end < len(found)}, {}

    def _attempts(self, query: dict[str, str]) -> list[dict[str, Any]]:
        begin, end = query.get("begin", ""), query.get("end", "~")
        found = [one for one in self.attempts if begin < one["created"] < end]
        return [one for one in found if query.get("status") in (None, one["status"])]

    def _events(self, query: dict[str, str]) -> list[dict[str, Any]]:
        since, until = (times.parse(query.get(name, "")) for name in ("begin", "end"))
        found = [
            one
            for one in sorted(self.events, key=lambda one: str(one["created"]), reverse=True)
            if (since or 0) < (times.parse(one["created"]) or 0) < (until or float("inf"))
        ]
        return found if query.get("with_content") == "true" else [{**one, "payload": {}} for one in found]


class PaddleApi(EventsApi):
    """Events and notification settings: https://developer.paddle.com/api-reference/events/list-events.

    Notifications: https://developer.paddle.com/api-reference/notifications/list-notifications,
    https://developer.paddle.com/api-reference/notifications/replay-notification
    """

    most = 200

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.notifications: list[dict[str, Any]] = []
        self.resent: list[str] = []

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        if self.bearer(headers) != self.key or headers.get("Paddle-Version") != "1":
            return 401, {"error": {"type": "request_error", "code": "authentication_missing"}}, {}
        lists = {
            "/events": ("event_id", self.events),
            "/notification-settings": ("id", self.registrations),
            "/notifications": ("id", self._notifications(query)),
        }
        if method == "POST" and path.endswith("/replay"):
            (one,) = (each for each in self.notifications if each["id"] == path.split("/")[2])
            if one["origin"] != "event" or one["status"] not in {"delivered", "failed"}:
                return 400, {"error": {"type": "request_error", "code": "notification_cannot_replay"}}, {}
            self.resent.append(one["id"])
            return 202, {"data": {"notification_id": "ntf_new"}, "meta": {"request_id": "r"}}, {}
        if method != "GET" or path not in lists:
            return 404, {"error": {"type": "request_error", "code": "not_found"}}, {}
        id_, found = lists[path]
        newest_first = query.get("order_by", "id[DESC]").upper() == "ID[DESC]"
        found = sorted(found, key=lambda one: str(one.get(id_)), reverse=newest_first)
        begin, size = 0, min(int(query.get("per_page", 50)), self.most)
        if after := query.get("after"):
            places = [place for place, one in enumerate(found) if one.get(id_) == after]
            if not places:
                return 400, {"error": {"type": "request_error", "code": "bad_request"}}, {}
            begin = places[0] + 1
        page = found[begin : begin + size]
        last = page[-1].get(id_) if page else after
        following = urlencode({"order_by": query.get("order_by", "id[DESC]"), "per_page": size, "after": last or ""})
        pagination = {
            "per_page": size,
            "next": f"http://{headers['Host']}{path}?{following}",
            "has_more": begin + size < len(found),
            "estimated_total": len(found),
        }
        return 200, {"data": page, "meta": {"request_id": "r", "pagination": pagination}}, {}

    def _notifications(self, query: dict[str, str]) -> list[dict[str, Any]]:
        begin, end = query.get("from", ""), query.get("to", "~")
        found = [one for one in self.notifications if begin <= one["occurred_at"] < end]
        for name, member in (("status", "status"), ("notification_setting_id", "notification_setting_id")):
            if name in query:
                found = [one for one in found if one[member] in query[name].split(",")]
        return found


class GitHubApi(EventsApi):
    """A hook's deliveries: https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook

    Here an event is a delivery: ``id``, ``guid``, ``delivered_at``, and ``request`` with ``headers`` and ``payload``.
    """

    hook = "/repos/acme/shop/hooks/7/deliveries"
    secret: str | None = None

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.resent: list[int] = []

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        if self.bearer(headers) != self.key:
            return 401, {"message": "Bad credentials"}, {}
        if method == "POST" and path.endswith("/attempts"):
            self.resent.append(int(path.split("/")[-2]))
            return 202, {}, {}
        if not path.startswith(self.hook):
            return self._hooks(method, path, body)
        newest_first = sorted(self.events, key=lambda one: -one["id"])
        if method == "GET" and path == self.hook:
            begin = int(query.get("cursor", "v1_0").removeprefix("v1_"))
            end = begin + int(query.get("per_page", 30))
            link = f'<https://api.github.com{path}?per_page=30&cursor=v1_{end}>; rel="next"'
            listed = [
                {name: one[name] for name in ("id", "guid", "delivered_at")}
                | {"status_code": one.get("status_code", 200)}
                for one in newest_first[begin:end]
            ]
            return 200, listed, {"Link": link} if end < len(newest_first) else {}
        found = [one for one in newest_first if path == f"{self.hook}/{one['id']}"]
        return (200, found[0], {}) if method == "GET" and found else (404, {"message": "Not Found"}, {})

    def _hooks(self, method: str, path: str, body: bytes) -> Answer:
        """Answer calls about the one hook that there can be, and of which no answer shows the secret."""
        asked, all_hooks = json.loads(body or b"{}"), path == "/repos/acme/shop/hooks"
        if all_hooks and method == "POST":
            if self.registrations:
                return 422, {"message": "Hook already exists on this repository"}, {}
            self.registrations.append({**github_hook("", []), "id": 7})
        if not all_hooks and (f"{path}/deliveries" != self.hook or not self.registrations):
            return 404, {"message": "Not Found"}, {}
        if method in ("POST", "PATCH"):
            # Of the configuration, what is not given is removed.
            self.secret = asked["config"].get("secret")
            config = {**self.registrations[0]["config"], "url": asked["config"]["url"]}
            self.registrations[0].update(active=asked["active"], events=asked["events"], config=config)
        if all_hooks:
            return (201, self.registrations[0], {}) if method == "POST" else (200, self.registrations, {})
        return 200, self.registrations[0], {}


def listed_event(name: str, sent: SentWebhook, at: float) -> dict[str, Any]:
    """Return what a provider's list, which shows no bytes, has of the event of a webhook that happened at a time."""
    document, time = json.loads(sent.body), times.iso(at)
    if name == "stripe":
        return {**document, "created": int(at)}
    if name == "gocardless":
        return {**document["events"][0], "created_at": time}
    if name == "lithic":
        shown = {"token": sent.headers["webhook-id"], "event_type": document["event_type"], "created": time}
        return {**shown, "payload": document}
    if name == "paddle":
        # There is no notification of it.
        return {**{member: of for member, of in document.items() if member != "notification_id"}, "occurred_at": time}
    raise ValueError(name)


def paypal_webhook(url: str, types: Sequence[str] = ("*",), *, off: bool = False, id_: str = "5GP1") -> dict[str, Any]:
    """https://developer.paypal.com/docs/api/webhooks/v1/#webhooks_get"""
    status = "DISABLED" if off else "ENABLED"
    return {"id": id_, "url": url, "event_types": [{"name": name, "status": status} for name in types], "links": []}


def square_subscription(url: str, types: Sequence[str] = ("*",), *, off: bool = False) -> dict[str, Any]:
    """https://developer.squareup.com/reference/square/objects/WebhookSubscription"""
    shown = {"id": "wbhk_1", "name": "ours", "enabled": not off, "event_types": types, "notification_url": url}
    return {**shown, "api_version": "2026-01-22", "signature_key": "signing-key-of-square"}


def lithic_subscription(url: str, types: Sequence[str] | None = None, *, off: bool = False) -> dict[str, Any]:
    """https://docs.lithic.com/docs/events-api"""
    return {"token": "ep_1", "description": "ours", "disabled": off, "url": url, "event_types": types}


def paddle_setting(url: str, types: Sequence[str] = (), *, off: bool = False, **changes: Any) -> dict[str, Any]:
    """https://developer.paddle.com/api-reference/notification-settings/list-notification-settings"""
    kinds = [{"name": name, "description": name, "group": "g", "available_versions": [1]} for name in types]
    shown = {"id": "ntfset_1", "description": "ours", "type": "url", "destination": url, "active": not off}
    more = {"api_version": 1, "include_sensitive_fields": False, "endpoint_secret_key": "signing-key-of-paddle"}
    return {**shown, **more, "subscribed_events": kinds, "traffic_source": "platform", **changes}


def paddle_notification(number: int, event_id: str, at: str, status: str, **changes: Any) -> dict[str, Any]:
    """https://developer.paddle.com/api-reference/notifications/list-notifications"""
    shown = {"id": f"ntf_{number:03}", "status": status, "occurred_at": at, "notification_setting_id": "ntfset_1"}
    return {**shown, "origin": "event", "replayed_at": None, "payload": {"event_id": event_id}, **changes}


def lithic_attempt(event: str, at: str, status: str, subscription: str = "ep_1") -> dict[str, Any]:
    """https://docs.lithic.com/reference/getmessageattemptsforeventsubscription"""
    of = {"event_token": event, "event_subscription_token": subscription}
    return {"token": f"{event} {at}", "created": at, "status": status, **of}


def github_hook(url: str, types: Sequence[str] = ("*",), *, off: bool = False) -> dict[str, Any]:
    """https://docs.github.com/en/rest/repos/webhooks#get-a-repository-webhook"""
    config = {"url": url, "content_type": "json", "insecure_ssl": "0", "secret": "********"}
    shown = {"type": "Repository", "id": 7, "name": "web", "active": not off, "events": types, "config": config}
    return {**shown, "last_response": {"code": None, "status": "unused", "message": None}}
