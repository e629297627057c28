"""A loopback HTTP server in place of API Gateway: it finds the route, asks the authorizer, calls the function."""

import base64
import fnmatch
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from lambdas.delivery.http.routes import AWS_IAM, ROUTES, TOKEN, ApiRoute
from tests.lambdas.support import NOW, api_gateway_event, lambda_context

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
STAGE = "live"
METHOD_ARN = "arn:aws:execute-api:us-east-1:000000000000:api1234567/" + STAGE


def find_route(method: str, path: str) -> tuple[ApiRoute, dict[str, str]] | None:
    """Return the route of a path and the path's parameters, as API Gateway does: a parameter is one whole part."""
    parts = path.split("/")
    for route in sorted(ROUTES, key=lambda one: one.path.count("{")):
        wanted = route.path.split("/")
        if route.method != method or len(wanted) != len(parts):
            continue
        if all((want.startswith("{") and have) or want == have for want, have in zip(wanted, parts, strict=True)):
            found = {want[1:-1]: unquote(have) for want, have in zip(wanted, parts, strict=True) if want[0:1] == "{"}
            return route, found
    return None


class Gateway:
    """Answers requests with functions.

    Parameters
    ----------
    handlers
        Folder of each function to its handler.
    authorizer
        The authorizer's handler.
    """

    def __init__(self, handlers: Mapping[str, Handler], authorizer: Handler | None = None) -> None:
        self._handlers = handlers
        self._authorizer = authorizer
        # Powertools' resolver serves one request at a time, as a Lambda process does.
        self._one_at_a_time = threading.Lock()

    def answer(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> dict[str, Any]:
        parts = urlsplit(target)
        path = parts.path.removeprefix(f"/{STAGE}")
        found = find_route(method, path)
        if found is None:
            return _refusal(403, "Missing Authentication Token")
        route, parameters = found
        many: dict[str, list[str]] = {}
        for name, value in headers:
            many.setdefault(name, []).append(value)
        query = parse_qs(parts.query, keep_blank_values=True)
        event = api_gateway_event(
            method=method,
            path=unquote(path),
            headers={name: values[-1] for name, values in many.items()},
            query={name: values[-1] for name, values in query.items()} or None,
            path_parameters=parameters or None,
            body=base64.b64encode(body) if body else None,
            base64_encoded=bool(body),
            received_at=NOW,
            stage=STAGE,
        )
        event |= {
            "resource": route.path,
            "multiValueHeaders": many,
            "multiValueQueryStringParameters": query or None,
        }
        if route.authorization == TOKEN:
            try:
                event["requestContext"]["authorizer"] = self._authorize(route, path, many)
            except Exception as error:
                denied = 403 if isinstance(error, PermissionError) else 500
                return _refusal(401 if str(error) == "Unauthorized" else denied, str(error))
        elif route.authorization == AWS_IAM and not any(
            value.startswith("AWS4-HMAC-SHA256 ") for value in many.get("Authorization", ())
        ):
            return _refusal(403, "Missing Authentication Token")
        with self._one_at_a_time:
            return self._handlers[route.function](event, lambda_context())

    def _authorize(self, route: ApiRoute, path: str, headers: Mapping[str, list[str]]) -> dict[str, Any]:
        given = next((values[-1] for name, values in headers.items() if name.lower() == "authorization"), None)
        # An identity source that is not there is refused without asking.
        if not given or self._authorizer is None:
            raise PermissionError("Unauthorized")
        arn = f"{METHOD_ARN}/{route.method}{path}"
        answer = self._authorizer({"type": "TOKEN", "authorizationToken": given, "methodArn": arn}, lambda_context())
        allowed = answer["policyDocument"]["Statement"][0]["Resource"]
        if not any(fnmatch.fnmatchcase(arn, pattern) for pattern in allowed):
            raise PermissionError("not allowed")
        return dict(answer["context"], principalId=answer["principalId"])


def _refusal(status: int, text: str) -> dict[str, Any]:
    body = json.dumps({"error": text, "correlationId": str(uuid.uuid4())})
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": body}


@contextmanager
def serving(gateway: Gateway) -> Iterator[str]:
    """Serve on a free port of the loopback address; yield the base URL, stage included."""

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = gateway.answer(self.command, self.path, list(self.headers.items()), body)
            content = answer.get("body") or ""
            raw = base64.b64decode(content) if answer.get("isBase64Encoded") else content.encode()
            self.send_response(answer["statusCode"])
            for name, value in (answer.get("headers") or {}).items():
                self.send_header(name, value)
            for name, values in (answer.get("multiValueHeaders") or {}).items():
                for value in values:
                    self.send_header(name, value)
            if answer["statusCode"] not in (204, 304):
                self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            if answer["statusCode"] not in (204, 304) and self.command != "HEAD":
                self.wfile.write(raw)

        def __getattr__(self, name: str) -> Any:
            # Whatever the method: API Gateway answers each.
            if name.startswith("do_"):
                return self._respond
            raise AttributeError(name)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/{STAGE}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
