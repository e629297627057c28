"""HTTP/1.1 to one host over connections that are kept.

It sends a request in one piece, and reads a response without the e-mail parser that the standard library's client reads
headers with, which would be a quarter of a webhook's whole cost.
"""

import re
import select
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from lambdas.inbound.aws_calls import trust

CONNECT_SECONDS = 1.0
READ_SECONDS = 4.0
# More than any response that ingestion reads: a secret has 64 KiB at most.
MAX_RESPONSE_BYTES = 1024 * 1024
MAX_LINE_BYTES = 16 * 1024
MAX_HEADERS = 100
MAX_HEADERS_BYTES = 16 * 1024
# One record of TLS, which is the most that one reading gives.
_RECEIVE_BYTES = 16 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: .*)?\r?\n")
# An empty line, which may be the first.
_END_OF_HEADERS = re.compile(rb"(?:^|\n)\r?\n")
_NO_BODY = frozenset({204, 304})


class NotHttpError(OSError):
    """What came is no whole response, or one that nobody can be sure to read right."""


class HttpResponse(NamedTuple):
    """An HTTP response.

    Attributes
    ----------
    status : int
        HTTP status.
    headers : Mapping[str, str]
        Its headers, names in lower case.
    body : bytes
        The whole body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Host:
    """One host, and the connections to it that nobody uses just now.

    Attributes
    ----------
    name : str
        As the ``Host`` header has it.
    path : str
        What the endpoint has before every path, without a slash at its end.

    Parameters
    ----------
    endpoint : str
        ``https://…`` or ``http://…``.
    """

    def __init__(self, endpoint: str) -> None:
        address = urlsplit(endpoint)
        secure = address.scheme == "https"
        self._address = (address.hostname or "", address.port or (443 if secure else 80))
        bracketed = f"[{address.hostname}]" if ":" in self._address[0] else self._address[0]
        self.name = bracketed if address.port is None else f"{bracketed}:{address.port}"
        self.path = address.path.rstrip("/")
        self._idle: list[_Connection] = []
        # Made here and not at the first call, when there is less CPU.
        self._trust = trust.narrow() if secure else None

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> HttpResponse:
        """Send a request and return the response.

        A connection that the host closed while nobody used it is not used again. One that it closes just as it is,
        fails as any other does.

        Parameters
        ----------
        headers : Mapping[str, str]
            All but the body's length.

        Raises
        ------
        OSError
            When there is no whole response. The connection is closed then.
        ValueError
            When a header cannot be sent as it is.
        """
        request = _request(method, path, headers, body)
        connection = self._take()
        try:
            response = connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return response

    def _take(self) -> "_Connection":
        # Not by its length: another thread may take the last one meanwhile.
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if not connection.was_ended():
                    return connection
                connection.close()
        try:
            return self._connect(self._trust)
        except ssl.SSLCertVerificationError:
            wide = trust.wide()
            if wide is None or self._trust is wide:
                raise
            connection = self._connect(wide)
            self._trust = wide
            return connection

    def _connect(self, trusted: ssl.SSLContext | None) -> "_Connection":
        sock = socket.create_connection(self._address, timeout=CONNECT_SECONDS)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if trusted is not None:
                # An end that TLS does not announce may be an attacker's, who cuts a response short.
                sock = trusted.wrap_socket(sock, server_hostname=self._address[0], suppress_ragged_eofs=False)
            sock.settimeout(READ_SECONDS)
        except BaseException:
            sock.close()
            raise
        return _Connection(sock)


class _Connection:
    """A connection.

    Attributes
    ----------
    reusable : bool
        Whether the host will take another request after the last one.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._received = b""
        self.reusable = False

    def was_ended(self) -> bool:
        """Tell whether there is something to read, which is the connection's end, or nothing of ours."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        self._socket.close()

    def exchange(self, request: bytes) -> HttpResponse:
        self.reusable = False
        self._socket.sendall(request)
        minor, status = self._status()
        headers = self._headers()
        if status < 200:
            # An interim response, after which the real one comes.
            minor, status = self._status()
            headers = self._headers()
        if status < 200:
            raise NotHttpError("no end of interim responses")
        by_length = True
        if status in _NO_BODY:
            body = b""
        elif "transfer-encoding" in headers:
            body = self._chunks(headers["transfer-encoding"])
        elif "content-length" in headers:
            body = self._exactly(_whole_number(headers["content-length"], 10))
        else:
            body, by_length = self._rest(), False
        # What came beyond the response would be taken for the next one.
        goes_on = minor == 1 and "close" not in headers.get("connection", "").lower()
        self.reusable = by_length and goes_on and not self._received
        return HttpResponse(status, headers, body)

    def _receive(self) -> bool:
        """Wait for more, and tell whether there was any."""
        received = self._socket.recv(_RECEIVE_BYTES)
        self._received += received
        return bool(received)

    def _line(self) -> bytes:
        while (end := self._received.find(b"\n", 0, MAX_LINE_BYTES)) < 0:
            if len(self._received) >= MAX_LINE_BYTES:
                raise NotHttpError("a line too long")
            if not self._receive():
                raise NotHttpError("closed")
        line, self._received = self._received[: end + 1], self._received[end + 1 :]
        return line

    def _status(self) -> tuple[int, int]:
        match = _STATUS_LINE.fullmatch(self._line())
        if match is None:
            raise NotHttpError("no status")
        return int(match[1]), int(match[2])

    def _headers(self) -> dict[str, str]:
        while (end := _END_OF_HEADERS.search(self._received, 0, MAX_HEADERS_BYTES)) is None:
            if len(self._received) >= MAX_HEADERS_BYTES or self._received.count(b"\n") >= MAX_HEADERS:
                raise NotHttpError("too many headers")
            if not self._receive():
                raise NotHttpError("closed")
        text = self._received[: end.start()].decode("latin-1")
        lines = text.split("\n") if text else []
        if len(lines) >= MAX_HEADERS:
            raise NotHttpError("too many headers")
        self._received = self._received[end.end() :]
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or name != name.strip():
                raise NotHttpError("no header")
            name, value = name.lower(), value.strip()
            if headers.setdefault(name, value) != value and name in ("content-length", "transfer-encoding"):
                raise NotHttpError("two lengths")
        return headers

    def _exactly(self, length: int) -> bytes:
        if length > MAX_RESPONSE_BYTES:
            raise NotHttpError("a response too long")
        while len(self._received) < length:
            if not self._receive():
                raise NotHttpError("a response cut short")
        body, self._received = self._received[:length], self._received[length:]
        return body

    def _chunks(self, coding: str) -> bytes:
        if coding.lower() != "chunked":
            raise NotHttpError("an unknown transfer coding")
        body = b""
        while length := _whole_number(self._line().partition(b";")[0].decode("latin-1").strip(), 16):
            body += self._exactly(length)
            if self._line().strip() or len(body) > MAX_RESPONSE_BYTES:
                raise NotHttpError("no chunk")
        self._headers()
        return body

    def _rest(self) -> bytes:
        while len(self._received) <= MAX_RESPONSE_BYTES:
            if not self._receive():
                body, self._received = self._received, b""
                return body
        raise NotHttpError("a response too long")


def _request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    lines = [f"{method} {path} HTTP/1.1", *lines, f"content-length: {len(body)}"]
    # One that held the end of a line would be two.
    together = "".join(lines)
    if not (together.isascii() and together.isprintable()):
        raise ValueError("a header that cannot be sent")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _whole_number(text: str, base: int) -> int:
    # `int` by itself takes signs, blanks and underscores.
    if not (text.isascii() and text.isalnum() and len(text) <= 16):
        raise NotHttpError("no length")
    try:
        return int(text, base)
    except ValueError as error:
        raise NotHttpError("no length") from error
