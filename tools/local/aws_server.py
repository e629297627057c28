"""Starts MiniStack with what Terraform's AWS provider needs of an HTTP server, and with what MiniStack lacks.

An answer is sent in one piece
------------------------------
The provider 5.100.0 loses answers that come in two. Its SDK (smithy-go) closes the body of a request as soon as the
head of the answer is there. At that moment Go's net/http may not have returned from sending that body: it reads the
body once more, to see that nothing is left. A body that is closed returns ``io.EOF`` from ``WriteTo``, where nil would
mean the end; net/http takes that for a failed write and closes the connection. If the rest of the answer has not come
by then, the answer is lost, and the SDK sends the request again. What was to be created is there already:
``AddPermission`` answers 409, which the provider repeats for five minutes before it fails.

AWS sends head and body together. Hypercorn writes them one after the other. In between, other threads of the server
may run, for up to 30 ms on a busy machine. So the server keeps the head until the first piece of the body. smithy-go
returned ``io.EOF`` up to 1.27.7 at least (``safeWriteToReadCloser`` in ``transport/http/internal/io/safe.go``), and
returns nil since; provider 5.100.0 is older.
The text for Hypercorn, in ``hypercorn/protocol/h11.py``::

    async def stream_send(self, event):
        if isinstance(event, Response) and event.status_code >= 200:
            ...
    -       await self._send_h11_event(h11.Response(headers=headers, status_code=event.status_code))
    +       # Sent with the first piece of the body: a client may close its side once it has the head.
    +       self.head = self.connection.send(h11.Response(headers=headers, status_code=event.status_code))
        ...
    async def _send_h11_event(self, event):
            data = self.connection.send(event)
    -       await self.send(RawData(data=data))
    +       head, self.head = self.head, b""
    +       await self.send(RawData(data=head + data))

Connections stay open
---------------------
MiniStack closes a connection that was idle for 75 s, or that carried 1,000 requests. The provider keeps one for 90 s
and for any number of requests. A request that it sends while the server closes would be carried out without an answer.

The port is bound already
-------------------------
Whoever starts the server binds its port and hands the socket on. On a busy machine another process takes a port that is
only known to be free before the server has started.
"""

import os
import runpy
from pathlib import Path
from typing import Any

import h11
import hypercorn.asyncio
from hypercorn.events import RawData
from hypercorn.protocol.h11 import H11Protocol

KEEP_ALIVE_SECONDS = 600
REQUESTS_OF_A_CONNECTION = 1_000_000

_serve = hypercorn.asyncio.serve
_send_event = H11Protocol._send_h11_event


def _serve_patiently(app: Any, config: Any, **options: Any) -> Any:
    config.bind = [f"fd://{os.environ['BOUND_SOCKET']}"]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.keep_alive_max_requests = REQUESTS_OF_A_CONNECTION
    return _serve(app, config, **options)


async def _send_head_with_body(self: Any, event: Any) -> None:
    """Keep the head of an answer until the first piece of its body, or its end, and send both in one write."""
    if isinstance(event, h11.Response):
        self._head = self.connection.send(event)
        return
    head = self.__dict__.pop("_head", None)
    if head is None:
        await _send_event(self, event)
        return
    await self.send(RawData(data=head + self.connection.send(event)))


if __name__ == "__main__":
    # By its path: with the repository among the places of modules, the server could take one of ours for its own.
    runpy.run_path(str(Path(__file__).with_name("aws_partiql.py")))["teach_partiql"]()
    runpy.run_path(str(Path(__file__).with_name("aws_direct.py")))["teach_direct_integrations"]()
    hypercorn.asyncio.serve = _serve_patiently
    H11Protocol._send_h11_event = _send_head_with_body  # type: ignore[method-assign]
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
