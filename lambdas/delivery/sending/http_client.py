"""One HTTPS request to an endpoint: to an address that was checked, within one deadline, and read to a limit.

The name is asked for once, every address that comes is checked, and the connection goes to one of these addresses and
to no name: an answer of DNS that changes afterwards changes nothing. No proxy, no redirect, no connection kept.

The deadline covers asking for the name, connecting, TLS, sending and reading together, so that an endpoint that drips
a byte now and then gains nothing. What the answer counts for is in `lambdas.delivery.sending.http_answer`.
"""

import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.delivery.domain.attempt_result import HttpResult
from lambdas.delivery.sending.http_answer import AnswerError, read_answer
from lambdas.delivery.sending.urls import (
    Address,
    Destination,
    EndpointRefusedError,
    EndpointRules,
    Resolver,
    checked,
    read_url,
)

MAX_WIRE_BYTES = 1_048_576
"""Of an answer as it comes, with all that frames the body: headers, interim answers, sizes of chunks. A body of up to
`lambdas.delivery.sending.http_answer.MAX_ANSWER_BYTES` fits in even when each of its bytes is a chunk."""

Connector = Callable[[Address, int, float], socket.socket]
"""Connects to an address and port within some seconds."""


class TimedOutError(TimeoutError):
    """The deadline passed."""


@dataclass(frozen=True, kw_only=True)
class RequestDeadline:
    """The time by which all must be over.

    Attributes
    ----------
    at : float
        By `clock`.
    clock : Callable[[], float]
        Seconds, monotonic.
    """

    at: float
    clock: Callable[[], float]

    def left(self) -> float:
        """Return the seconds left.

        Raises
        ------
        TimedOutError
            When the deadline has passed.
        """
        seconds = self.at - self.clock()
        if seconds <= 0:
            raise TimedOutError
        return seconds


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the system for the addresses of a name, IPv4 first: functions outside of a VPC reach no others."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in sorted(found, key=lambda one: one[0] != socket.AF_INET)]


def ask_within(seconds: float, resolve: Resolver, host: str, port: int) -> Sequence[str]:
    """Ask for the addresses of a name, and wait no longer than some seconds.

    Raises
    ------
    TimeoutError
        When there is no answer by then.
    OSError
        When there are no addresses.
    """
    answers: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(host, port))
        except OSError as error:
            answers.put(error)
        except ValueError:
            answers.put(OSError("name cannot be asked for"))

    # The system's resolver has no time-out of its own that we could set.
    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(answer, OSError):
        raise answer
    return answer


def connect_to(address: Address, port: int, seconds: float) -> socket.socket:
    """Connect to an address; see `Connector`."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect((str(address), port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


@dataclass(frozen=True, kw_only=True)
class HttpClient:
    """Makes requests.

    Attributes
    ----------
    rules : EndpointRules
        Where they may go.
    seconds : float
        What each may take in all.
    tls : ssl.SSLContext
        By which certificates are verified: the system's authorities, and the host's name.
    resolve, connect, clock
        The system's; others in tests.
    """

    rules: EndpointRules
    seconds: float
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    resolve: Resolver = system_resolver
    connect: Connector = connect_to
    clock: Callable[[], float] = time.monotonic

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpResult:
        """Send a POST request and return what came of it; a failure is a result too.

        Parameters
        ----------
        headers : Mapping[str, str]
            Headers, checked by `lambdas.delivery.sending.headers`, without those that frame the message.
        """
        deadline = RequestDeadline(at=self.clock() + self.seconds, clock=self.clock)
        stage = "name"
        try:
            destination = read_url(url, self.rules)
            addresses = self._addresses(destination, deadline)
            stage = "connecting"
            connection = self._connected(addresses, destination, deadline)
            try:
                if destination.secure:
                    stage = "tls"
                    connection.settimeout(deadline.left())
                    connection = self.tls.wrap_socket(connection, server_hostname=destination.host)
                stage = "sending"
                connection.settimeout(deadline.left())
                connection.sendall(_request(destination, headers, body))
                stage = "answer"
                return read_answer(io.BufferedReader(_BoundedReader(connection, deadline)))
            finally:
                connection.close()
        except EndpointRefusedError as refused:
            return HttpResult(status=None, problem=refused.reason)
        except AnswerError as error:
            return HttpResult(status=None, problem=error.problem)
        except TimeoutError:
            return HttpResult(status=None, problem=f"timed out: {stage}")
        except (OSError, ValueError) as error:
            return HttpResult(status=None, problem=_problem(error, stage))

    def _addresses(self, destination: Destination, deadline: RequestDeadline) -> Sequence[Address]:
        if destination.literal is not None:
            return [destination.literal]
        found = ask_within(deadline.left(), self.resolve, destination.host, destination.port)
        return checked(found, destination.port, self.rules)

    def _connected(
        self, addresses: Sequence[Address], destination: Destination, deadline: RequestDeadline
    ) -> socket.socket:
        """Connect to the first address that lets us, giving each its share of the time."""
        for number, address in enumerate(addresses):
            try:
                return self.connect(address, destination.port, deadline.left() / (len(addresses) - number))
            except OSError:
                if number == len(addresses) - 1:
                    raise
        raise TimedOutError


def _request(destination: Destination, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {destination.target} HTTP/1.1",
        f"Host: {destination.authority}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("line break in the head of a request")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class _BoundedReader(io.RawIOBase):
    """A socket as a file, each read of which ends with the deadline at the latest, and all of them at a limit."""

    def __init__(self, connection: socket.socket, deadline: RequestDeadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = MAX_WIRE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left <= 0:
            raise AnswerError("answer too long")
        self._connection.settimeout(self._deadline.left())
        read = self._connection.recv_into(buffer)
        self._left -= read
        return read


def _problem(error: Exception, stage: str) -> str:
    """Return a code for what went wrong; never the error's own text, which may quote the answer."""
    if stage == "name":
        return "name not found"
    for kind, problem in _PROBLEMS:
        if isinstance(error, kind):
            return problem.get(stage, problem[""])
    return "no connection"


# In this order: a certificate's error is an SSL error and a ValueError.
_PROBLEMS: Sequence[tuple[type[Exception], Mapping[str, str]]] = (
    (ssl.SSLCertVerificationError, {"": "certificate refused"}),
    (ConnectionRefusedError, {"": "connection refused"}),
    (ConnectionError, {"": "connection closed"}),
    (ssl.SSLError, {"": "connection closed", "tls": "tls failed"}),
    (ValueError, {"": "request malformed"}),
)
