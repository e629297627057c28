"""A receiver of webhooks on the loopback address that does wrong what it is asked to, down to the bytes on the wire.

For tests of senders: each URL's query says what its answers are to be like, see `lambdas.delivery_receiver.faults`; and
a test may decide per request in Python. ``make receiver`` runs it for people, see `tools.commands.receiver`.
"""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from lambdas.delivery_receiver.faults import Fault, UnknownFaultError, read_fault

_PATIENCE_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request.

    Attributes
    ----------
    path : str
        Without the query.
    headers : Mapping[str, str]
        By their names in lower case.
    head : bytes
        Request line and headers as they came.
    body : bytes
        As it came.
    at : float
        Seconds since the epoch.
    """

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    head: bytes
    body: bytes
    at: float

    @property
    def header_prefix(self) -> str:
        """The prefix of the three headers of a signature in the standard style; ``webhook`` when none has all three."""
        found = (name.removesuffix("-signature") for name in self.headers if name.endswith("-signature"))
        return next((one for one in found if {f"{one}-id", f"{one}-timestamp"} <= self.headers.keys()), "webhook")

    def signed(self, part: str) -> str:
        """Return the value of one of these headers, ``id`` or ``timestamp``; empty when there is none."""
        return self.headers.get(f"{self.header_prefix}-{part}", "")


@dataclass
class FaultyReceiver:
    """A running receiver.

    Attributes
    ----------
    tls : ssl.SSLContext | None
        With which it speaks HTTPS; plain HTTP without.
    wanted_port : int
        The port to listen on; 0 for any that is free.
    refuse : Callable[[Received], str | None]
        Why a request is answered 401, whatever its query asks for; None where it is not.
    decide : Callable[[Received], Fault]
        What each answer is to be like; by default, what its query asks for.
    received : list[Received]
        All requests that came whole, in order, before they were answered.
    accepted : Counter[str]
        How often each event id was answered with 2xx.
    connections : int
        How many there were.
    """

    tls: ssl.SSLContext | None = None
    wanted_port: int = 0
    refuse: Callable[[Received], str | None] = field(default=lambda _: None)
    decide: Callable[[Received], Fault] = field(default=lambda received: read_fault(received.query))
    received: list[Received] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.wanted_port), backlog=256)
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._ended = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        """Return the URL of a path, with its query."""
        return f"{'http' if self.tls is None else 'https'}://{host}:{self.port}{path}"

    def ids(self) -> Counter[str]:
        """Return how often each event id came."""
        with self._lock:
            return Counter(one.signed("id") for one in self.received)

    def stop(self) -> None:
        """Stop listening; answers that drip end."""
        self._ended.set()
        # A thread that is in `accept` does not see its socket closed.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self) -> Self:
        """Return the receiver."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE_SECONDS)
        # Whatever a client does, the receiver lives on.
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            if self.tls is not None:
                connection = stack.enter_context(self.tls.wrap_socket(connection, server_side=True))
            received = _read(connection)
            with self._lock:
                self.received.append(received)
            self._answer(connection, received)

    def _answer(self, connection: socket.socket, received: Received) -> None:
        event_id = received.signed("id")
        fault, status, said = self._decided(received, event_id)
        if fault.delay:
            self._ended.wait(fault.delay)
        with self._lock:
            self._seen.add(event_id)
            if 200 <= status <= 299 and not fault.close:
                self.accepted[event_id] += 1
        if fault.close:
            return
        for piece, pause in _pieces(fault, status, said):
            connection.sendall(piece)
            if pause and self._ended.wait(pause):
                return
        if self.tls is None:
            connection.shutdown(socket.SHUT_WR)

    def _decided(self, received: Received, event_id: str) -> tuple[Fault, int, Mapping[str, str | bool]]:
        """Return what is wrong with the answer, its status, and what it says."""
        if (reason := self.refuse(received)) is not None:
            return Fault(), 401, {"received": False, "reason": reason}
        try:
            fault = self.decide(received)
        except UnknownFaultError as error:
            return Fault(), 400, {"received": False, "reason": str(error)}
        seen_before = event_id in self._seen
        return (
            fault,
            fault.status_for(event_id, received.signed("timestamp"), seen_before=seen_before),
            {"received": True},
        )


def _read(connection: socket.socket) -> Received:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += _some(connection)
    target = urlsplit(first.split(" ")[1])
    return Received(
        path=target.path,
        query=dict(parse_qsl(target.query, keep_blank_values=True)),
        headers=headers,
        head=head,
        body=body,
        at=time.time(),
    )


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionError("closed by the client")
    return data


def _pieces(fault: Fault, status: int, said: Mapping[str, str | bool]) -> Iterator[tuple[bytes, float]]:
    """Yield the answer in pieces, and the seconds to wait after each."""
    body = b"x" * fault.size if fault.size else json.dumps(said).encode()
    if status in (204, 304):
        body = b""
    lines = [f"HTTP/1.1 {status} Answer", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"Retry-After: {fault.retry_after}"] if fault.retry_after is not None else []
    lines += [f"Location: {fault.location}"] if fault.location is not None else []
    yield ("\r\n".join([*lines, "Connection: close", "", ""])).encode("latin-1"), 0.0
    if fault.truncate:
        yield body[: len(body) // 2], 0.0
    elif fault.drip:
        for at in range(len(body)):
            yield body[at : at + 1], fault.drip / len(body)
    else:
        yield body, 0.0
