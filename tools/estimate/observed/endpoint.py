"""A local endpoint that answers what the functions call, at once, and counts what AWS would bill.

It keeps objects and items, so that a redelivery meets what was there. It is no AWS: whatever it does not know is
an error of the observation, never a call that costs nothing.
"""

import base64
import hashlib
import json
import ssl
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import trustme

from tools.estimate.observed.dynamodb import CountedTables, RefusedError, UncountedError
from tools.estimate.observed.table import Table
from tools.estimate.observed.usage import Usage

Answer = tuple[int, dict[str, str], bytes]


class UnknownCallError(Exception):
    """A function called what the endpoint does not know, so that nobody counted it."""


class CountingEndpoint:
    """Answers the functions on a loopback port, over TLS.

    Attributes
    ----------
    usage : Usage
        What was counted since `restart`.
    messages : list[dict[str, Any]]
        Messages that were sent.
    secrets : dict[str, str]
        ARN of a secret to its value.
    unknown : list[str]
        Calls that it did not know.
    """

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.usage = Usage()
        self.messages: list[dict[str, Any]] = []
        self.secrets: dict[str, str] = {}
        self.unknown: list[str] = []
        self._dynamodb = CountedTables(tables)
        self._objects: dict[str, int] = {}
        self._folder = tempfile.TemporaryDirectory()
        self.certificate_authority = Path(self._folder.name) / "ca.pem"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = self._context().wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Start to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    def restart(self) -> Usage:
        """Return what was counted, and count from zero; what was stored stays.

        Raises
        ------
        UnknownCallError
            When there was a call that it did not know.
        """
        if self.unknown:
            raise UnknownCallError(
                f"the functions call {', '.join(sorted(set(self.unknown)))}: tools/estimate/observed does not count it"
            )
        counted, self.usage = self.usage, Usage()
        counted.stored_item_bytes = self._dynamodb.stored_bytes()
        return counted

    def forget(self) -> None:
        """Empty tables and buckets."""
        self._objects.clear()
        self.messages.clear()
        self._dynamodb.forget()

    def _context(self) -> ssl.SSLContext:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.certificate_authority))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        return context

    def _answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        target = headers.get("X-Amz-Target", "")
        with self._lock:
            if not target:
                return self._s3(method, path, headers, body)
            operation = target.rsplit(".", maxsplit=1)[-1]
            answers: dict[str, Callable[[dict[str, Any]], Any]] = {
                "SendMessage": self._send_message,
                "PutEvents": self._put_events,
                "GetSecretValue": self._get_secret_value,
                **self._dynamodb.answers(self.usage),
            }
            if operation not in answers:
                self.unknown.append(target)
                return 400, {}, b'{"__type":"UnknownOperationException"}'
            self.usage.count(operation)
            try:
                answer = answers[operation](json.loads(body))
            except RefusedError as refused:
                return 400, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(refused.body).encode()
            except UncountedError as uncounted:
                self.unknown.append(str(uncounted))
                return 400, {}, b'{"__type":"ValidationException"}'
            return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()

    def _s3(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if method != "PUT" or "?" in path:
            self.unknown.append(f"s3 {method}")
            return 501, {}, b""
        self.usage.count("PutObject")
        if headers.get("If-None-Match") == "*" and path in self._objects:
            return 412, {}, b"<Error><Code>PreconditionFailed</Code></Error>"
        length = int(headers.get("X-Amz-Decoded-Content-Length") or len(body))
        metadata = sum(
            len(name) - len("x-amz-meta-") + len(value)
            for name, value in headers.items()
            if name.lower().startswith("x-amz-meta-")
        )
        self._objects[path] = length + metadata
        self.usage.objects.append(length + metadata)
        return 200, {"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'}, b""

    def _send_message(self, request: dict[str, Any]) -> dict[str, Any]:
        body = request["MessageBody"]
        self.messages.append(request)
        self.usage.message_bytes.append(len(body.encode()))
        self.usage.grouped_messages += "MessageGroupId" in request
        return {
            "MessageId": str(uuid.uuid4()),
            "MD5OfMessageBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
            "SequenceNumber": "1",
        }

    def _put_events(self, request: dict[str, Any]) -> dict[str, Any]:
        for entry in request["Entries"]:
            counted = ("Source", "DetailType", "Detail")
            self.usage.event_bytes.append(sum(len(entry.get(name, "").encode()) for name in counted))
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(uuid.uuid4())} for _ in request["Entries"]]}

    def _get_secret_value(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"ARN": request["SecretId"], "Name": "secret", "SecretString": self.secrets[request["SecretId"]]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self._respond()

            def do_PUT(self) -> None:
                self._respond()

            def do_GET(self) -> None:
                self._respond()

            def do_HEAD(self) -> None:
                self._respond()

            def log_message(self, format: str, *arguments: object) -> None:
                del format, arguments

            def _respond(self) -> None:
                body = self._body()
                status, headers, content = answer(self.command, self.path, _headers(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    return unsigned_chunks(body) if "aws-chunked" in self.headers.get("Content-Encoding", "") else body
                parts = []
                while length := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(length))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(parts)

        return Handler


def _headers(message: Message) -> dict[str, str]:
    """Return headers under the names that they are looked up by."""
    return {name.title(): value for name, value in message.items()}


def unsigned_chunks(body: bytes) -> bytes:
    """Return what an ``aws-chunked`` body holds."""
    content, rest = [], body
    while rest:
        head, _, rest = rest.partition(b"\r\n")
        length = int(head.split(b";")[0], 16)
        if length == 0:
            break
        content.append(rest[:length])
        rest = rest[length + 2 :]
    return b"".join(content)


def encoded(body: bytes) -> str:
    """Return bytes as API Gateway hands them to a function."""
    return base64.b64encode(body).decode("ascii")
