"""A host on the loopback address that answers requests as a test wrote down, well or badly."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

# What the host does instead of an answer, or after one.
CLOSE = object()
RESET = object()
SILENCE = object()


def answer(status=200, body=b"{}", **headers):
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} Said", *lines, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body


@dataclass(frozen=True)
class ReceivedRequest:
    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class ScriptedHost:
    """The requests that came, and what is still to be done: for each request a tuple of bytes and of the above.

    With `tls` it speaks that on each connection, with a certificate.
    """

    tls: ssl.SSLContext | None = None
    script: list[tuple] = field(default_factory=list)
    requests: list[ReceivedRequest] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)
    ended: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def then(self, *steps) -> "ScriptedHost":
        self.script.append(steps)
        return self

    def received(self, number: int) -> list[ReceivedRequest]:
        """Return the requests once there are so many: who sent one may have given up before it was read."""
        with self.came:
            self.came.wait_for(lambda: len(self.requests) >= number, 10)
            return self.requests

    @contextlib.contextmanager
    def running(self) -> Iterator["ScriptedHost"]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            self.release = threading.Event()
            threads = [threading.Thread(target=self._accept, args=(listener,), daemon=True)]
            threads[0].start()
            try:
                yield self
            finally:
                self.release.set()
                listener.shutdown(socket.SHUT_RDWR)
                threads[0].join(5)

    def _accept(self, listener: socket.socket) -> None:
        number = 0
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()
            number += 1

    def _serve(self, accepted: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), self._secured(accepted) as connection:
            reader = connection.makefile("rb")
            while line := reader.readline():
                headers = {}
                while (header := reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = reader.read(int(headers.get("content-length", "0")))
                with self.came:
                    self.requests.append(ReceivedRequest(line.decode().strip(), headers, body, number))
                    self.came.notify_all()
                for step in self.script.pop(0) if self.script else (CLOSE,):
                    if isinstance(step, bytes):
                        connection.sendall(step)
                        continue
                    if step is SILENCE:
                        self.release.wait(10)
                    if step is RESET:
                        # https://man7.org/linux/man-pages/man7/socket.7.html, SO_LINGER: closing sends a reset.
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    reader.close()
                    connection.close()
                    self.ended.set()
                    return

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self.tls is None:
            return connection
        try:
            return self.tls.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            raise
