"""HTTP to one host over connections that are kept."""

import http.client
import os
import select
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

CONNECT_SECONDS = 1.0
READ_SECONDS = 4.0
# More than any answer that ingestion reads: a secret has 64 KiB at most.
MAX_ANSWER_BYTES = 1024 * 1024


class TooLongError(OSError):
    """The answer has more bytes than any that is expected."""


class Answer(NamedTuple):
    """An HTTP answer.

    Attributes
    ----------
    status : int
        HTTP status.
    headers : http.client.HTTPMessage
        Its headers; names are found in any case.
    body : bytes
        The whole body.
    """

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@cache
def trust() -> ssl.SSLContext:
    """Return whom TLS trusts: the authorities in ``AWS_CA_BUNDLE``, else the system's. Once per process: it is slow."""
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)


class Host:
    """One host, and the connections to it that nobody uses just now.

    Attributes
    ----------
    host : str
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
        self._secure = address.scheme == "https"
        self._name = address.hostname or ""
        self._port = address.port or (443 if self._secure else 80)
        bracketed = f"[{self._name}]" if ":" in self._name else self._name
        self.host = bracketed if address.port is None else f"{bracketed}:{address.port}"
        self.path = address.path.rstrip("/")
        self._idle: list[http.client.HTTPConnection] = []
        if self._secure:
            trust()

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request and return the answer.

        A connection that the host closed while nobody used it is not used again. One that it closes just as it is,
        fails as any other does.

        Raises
        ------
        OSError, http.client.HTTPException
            When there is no whole answer. The connection is closed then.
        """
        connection = self._take()
        try:
            if connection.sock is None:
                _connect(connection)
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read(MAX_ANSWER_BYTES + 1)
            if len(content) > MAX_ANSWER_BYTES:
                raise TooLongError("the answer is too long")
            if response.length:
                raise http.client.IncompleteRead(content, response.length)
        except BaseException:
            connection.close()
            raise
        if not response.will_close:
            self._idle.append(connection)
        return Answer(response.status, response.headers, content)

    def _take(self) -> http.client.HTTPConnection:
        while self._idle:
            connection = self._idle.pop()
            if not _was_closed(connection.sock):
                return connection
            connection.close()
        if self._secure:
            return http.client.HTTPSConnection(self._name, self._port, timeout=CONNECT_SECONDS, context=trust())
        return http.client.HTTPConnection(self._name, self._port, timeout=CONNECT_SECONDS)


def _connect(connection: http.client.HTTPConnection) -> None:
    connection.connect()
    sock: socket.socket = connection.sock
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.settimeout(READ_SECONDS)


def _was_closed(sock: socket.socket | None) -> bool:
    """Tell whether there is something to read, which on an idle connection is its end, or nothing of ours."""
    if sock is None:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
