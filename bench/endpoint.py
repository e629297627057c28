"""A stand-in for AWS that answers at once, so that what is measured is the function alone.

It speaks as much HTTP as the clients that are measured use: requests with a length, over TLS, on connections that are
kept. Every call succeeds. It runs in a process of its own, whose CPU is nobody's.
"""

import json
import multiprocessing
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import certifi
import trustme

from bench.process import MeasuredFunction

AUTHORITIES_OF_AWS = "lambdas/inbound/aws_calls/amazon_authorities.pem"
_OK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nDate: Mon, 21 Sep 2026 14:13:20 GMT\r\n"
    b"x-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\nconnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s"
)


def answers(secret: str) -> dict[bytes, bytes]:
    """Return what each operation is answered."""
    return {
        b"AmazonSQS.SendMessage": json.dumps({"MessageId": "0", "MD5OfMessageBody": "0"}).encode(),
        b"secretsmanager.GetSecretValue": json.dumps(
            {"SecretString": json.dumps({"secrets": [secret]}), "Name": "s", "VersionId": "v"}
        ).encode(),
    }


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """The stand-in while it runs.

    Its authority is one among those that a client trusts by itself, since reading these is part of its cold start.

    Attributes
    ----------
    url : str
        Where it is.
    authority : bytes
        Who vouches for it, PEM.
    everybody : Path
        PEM of the authorities that browsers trust, as boto3 has them, and of its own.
    daemon : str
        Address of what takes traces, in place of X-Ray's daemon.
    """

    url: str
    authority: bytes
    everybody: Path
    daemon: str

    @property
    def environment(self) -> dict[str, str]:
        """What points a client at it that trusts whom browsers trust."""
        return {**self._addresses, "AWS_CA_BUNDLE": str(self.everybody)}

    @property
    def _addresses(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.url, "AWS_XRAY_DAEMON_ADDRESS": self.daemon}

    def reached_by(self, function: MeasuredFunction) -> MeasuredFunction:
        """Return a function that calls it instead of AWS.

        One whose bundle says who vouches for AWS has the stand-in's authority beside these.
        """
        own = function.folders[0] / AUTHORITIES_OF_AWS
        if not own.is_file():
            return replace(function, environment=self.environment)
        own.write_bytes(own.read_bytes() + self.authority)
        return replace(function, environment=self._addresses)


@contextmanager
def endpoint(secret: str) -> Iterator[StandIn]:
    """Run the stand-in."""
    with tempfile.TemporaryDirectory() as folder:
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1")
        key, everybody = Path(folder) / "server.pem", Path(folder) / "ca.pem"
        server.private_key_and_cert_chain_pem.write_to_path(str(key))
        everybody.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        # Nobody reads what it is sent, which is dropped when there is no room for more.
        daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        daemon.bind(("127.0.0.1", 0))
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(listener, key, secret), daemon=True)
        process.start()
        listener.close()
        try:
            yield StandIn(
                url=f"https://127.0.0.1:{port}",
                authority=authority.cert_pem.bytes(),
                everybody=everybody,
                daemon=f"127.0.0.1:{daemon.getsockname()[1]}",
            )
        finally:
            process.terminate()
            process.join()
            daemon.close()


def _serve(listener: socket.socket, key: Path, secret: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(key)
    known = answers(secret)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection, context, known), daemon=True).start()


def _answer(connection: socket.socket, context: ssl.SSLContext, known: dict[bytes, bytes]) -> None:
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(connection, server_side=True) as secure, secure.makefile("rb") as reader:
            while reader.readline():
                headers = {}
                while (line := reader.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    headers[name.strip().lower()] = value.strip()
                if headers.get(b"expect") == b"100-continue":
                    secure.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                reader.read(int(headers.get(b"content-length", b"0")))
                body = known.get(headers.get(b"x-amz-target", b""), b"{}")
                secure.sendall(_OK % (len(body), body))
    except OSError:
        connection.close()
