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
from pathlib import Path

import certifi
import trustme

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


@contextmanager
def endpoint(secret: str) -> Iterator[dict[str, str]]:
    """Run the stand-in, and give the environment that points clients at it.

    Its authority is one among those that a machine trusts by default, since reading these is part of a first call.
    """
    with tempfile.TemporaryDirectory() as folder:
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1")
        key, bundle = Path(folder) / "server.pem", Path(folder) / "ca.pem"
        server.private_key_and_cert_chain_pem.write_to_path(str(key))
        bundle.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(listener, key, secret), daemon=True)
        process.start()
        listener.close()
        try:
            yield {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}", "AWS_CA_BUNDLE": str(bundle)}
        finally:
            process.terminate()
            process.join()


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
