"""The console's server: the files of the pages, and JSON, on the loopback address alone.

It acts with the operator's AWS credentials, so that nobody else on this machine, and no page of another site in the
same browser, may use it:

- Whoever asks for JSON needs the token of the start URL. The token is in the URL's fragment, which a browser sends to
  no server. The page keeps it in the storage of its origin, which ends at the port; a cookie would not.
- Each call says which environment its page shows: a tab of another one gets no answer, and does nothing.
- The port is another one at each start, unless it is given. Whoever had a known one before, such as another user of
  this machine, can have left a service worker in the browser. It would answer in place of this server.
- ``Host`` must be the server's own address: a site that lets its name point to 127.0.0.1 sends its name.
- The policy lets in no script but the server's, and the browser refuses to make markup of a text (Trusted Types).

Sources: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy,
https://www.w3.org/TR/trusted-types/, https://www.rfc-editor.org/rfc/rfc6265#section-8.5
"""

import contextlib
import hmac
import json
import secrets
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tools import ROOT
from tools.console.answers import Answer, Answers

# What the tenants' portal has too, and what is the console's own.
FILES = {
    path.name: path
    for folder in (ROOT / "tools" / "pages", ROOT / "tools" / "console" / "pages")
    for path in folder.iterdir()
}
ADDRESS = "127.0.0.1"
API, ASSETS = "/api/", "/assets/"
# Header of each call: the environment that its page shows.
ENVIRONMENT = "Console-Environment"
# A replay of 100 events with the longest ids.
MAX_BODY_BYTES = 256 * 1024
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class ConsoleServer(ThreadingHTTPServer):
    """Serves the console of one environment.

    Parameters
    ----------
    answers : Answers
        What is known about the environment.
    port : int
        Port of the loopback address; any free one if it is 0.

    Raises
    ------
    OSError
        When the port is taken.
    """

    daemon_threads = True
    # A browser opens several connections at once, and waits seconds for one that does not fit.
    request_queue_size = 64

    def __init__(self, answers: Answers, port: int = 0) -> None:
        self.answers = answers
        self.token = secrets.token_urlsafe(32)
        super().__init__((ADDRESS, port), _Request)
        self.origin = f"http://{ADDRESS}:{self.server_address[1]}"

    @property
    def start_url(self) -> str:
        """The URL to open: the first page, with the token."""
        return f"{self.origin}/#token={self.token}"


class _Request(BaseHTTPRequestHandler):
    server: ConsoleServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.startswith(API):
            answer = self._refused(url.path) or self.server.answers.answer(url.path.removeprefix(API), url.query)
        else:
            answer = self._refused_host() or self._file(url.path)
        self._send(answer)

    def do_POST(self) -> None:
        self._act("POST")

    def do_DELETE(self) -> None:
        self._act("DELETE")

    def _act(self, method: str) -> None:
        url = urlsplit(self.path)
        # Of a refused request the body was not read, and would be the next request.
        self.close_connection = True
        answer = self._refused(url.path)
        if answer is None:
            try:
                length = int(self.headers.get("Content-Length", ""))
                body = json.loads(self.rfile.read(length)) if 0 <= length <= MAX_BODY_BYTES else ...
            except ValueError:
                body = ...
            if not url.path.startswith(API) or not isinstance(body, dict | None):
                answer = _refusal(400, f"an action and a JSON object of at most {MAX_BODY_BYTES} bytes expected")
            else:
                answer = self.server.answers.act(method, url.path.removeprefix(API), url.query, body)
        self._send(answer)

    def _refused_host(self) -> Answer | None:
        if f"http://{self.headers.get('Host')}" == self.server.origin:
            return None
        return _refusal(403, f"this server is {self.server.origin} and nothing else")

    def _refused(self, path: str) -> Answer | None:
        """Return why somebody gets no answer; None for the console's own page."""
        if refusal := self._refused_host():
            return refusal
        if self.headers.get("Origin") not in (None, self.server.origin):
            return _refusal(403, "another site may not ask")
        given, wanted = self.headers.get("Authorization", ""), f"Bearer {self.server.token}"
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            return _refusal(
                401,
                "this page does not have the token of the console that runs now: "
                "open the address that 'make console' printed, in this browser",
            )
        # A page asks first which environment it shows.
        shown, asked = self.server.answers.environment, self.headers.get(ENVIRONMENT)
        if path != f"{API}about" and asked != shown:
            return _refusal(409, f"this page is about {asked or 'no environment'}, and this console shows {shown}")
        return None

    def _file(self, path: str) -> Answer:
        # Every page is one document, which shows what its address says.
        name = path.removeprefix(ASSETS) if path.startswith(ASSETS) else "index.html"
        file = FILES.get(name)
        if file is None:
            return _refusal(404, "there is no such file")
        return Answer(200, file.read_bytes(), f"{_TYPES[file.suffix]}; charset=utf-8")

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers: Mapping[str, str] = {
            **_HEADERS,
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            **({"Connection": "close"} if self.close_connection else {}),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        # A browser that left the page does not wait for the answer.
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: an address has ids of customers."""


def _refusal(status: int, error: str) -> Answer:
    return Answer(status, json.dumps({"error": error}).encode())
