"""A provider for Powertools' tracer that sends subsegments to the X-Ray daemon, which Lambda runs beside the function.

X-Ray's SDK is in maintenance, and importing it takes longer than all of ingestion. Lambda creates the segment of the
function itself.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html,
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

from aws_lambda_powertools.tracing.base import BaseProvider, BaseSegment

DAEMON_HEADER = b'{"format": "json", "version": 1}\n'
# Largest datagram that the daemon accepts.
MAX_BYTES = 64 * 1024
_Address = tuple[str, int]


class Subsegment(BaseSegment):
    """A span of a function's work.

    Attributes
    ----------
    id : str
        Sixteen hex digits.
    """

    def __init__(self, name: str) -> None:
        self.id = secrets.token_hex(8)
        self._document: dict[str, Any] = {
            "name": name,
            "id": self.id,
            "type": "subsegment",
            "start_time": time.time(),
        }

    def put_annotation(self, key: str, value: Any) -> None:
        """Add a key and a value for searching traces."""
        self._document.setdefault("annotations", {})[key] = _plain(value)

    def put_metadata(self, key: str, value: Any, namespace: str = "default") -> None:
        """Add a value that is shown only. Of other values than numbers, booleans and texts, only the type is added."""
        self._document.setdefault("metadata", {}).setdefault(namespace, {})[key] = _plain(value)

    def add_exception(self, exception: BaseException, stack: Any = (), remote: bool = False) -> None:
        """Note that the work failed, and the type of the error; its text can quote a payload."""
        del stack, remote
        self._document["fault"] = True
        self._document["cause"] = {"exceptions": [{"id": secrets.token_hex(8), "type": type(exception).__name__}]}

    def close(self, end_time: float | None = None) -> None:
        """Note when the work ended, in seconds since the epoch; now by default."""
        self._document["end_time"] = time.time() if end_time is None else end_time

    def document(self, trace_id: str, parent_id: str) -> bytes:
        """Return the subsegment document."""
        return json.dumps({**self._document, "trace_id": trace_id, "parent_id": parent_id}).encode()

    def add_subsegment(self, subsegment: Any) -> NoReturn:
        """Fail: subsegments are sent one by one, and name their parents."""
        raise NotImplementedError

    def remove_subsegment(self, subsegment: Any) -> NoReturn:
        """Fail, see `add_subsegment`."""
        raise NotImplementedError


class _NotSampled(BaseSegment):
    """Replaces a subsegment of a request that is not sampled: it keeps nothing."""

    def _take(self, *values: Any, **named: Any) -> None:
        del values, named

    close = add_subsegment = remove_subsegment = put_annotation = put_metadata = add_exception = _take


_NOT_SAMPLED = _NotSampled()


class DaemonProvider(BaseProvider):
    """Records subsegments of sampled requests. It never makes a request fail.

    Lambda names the daemon in ``AWS_XRAY_DAEMON_ADDRESS``, and the trace of each invocation in ``_X_AMZN_TRACE_ID``.
    Without them, nothing is sent.
    """

    def __init__(self) -> None:
        self._current: ContextVar[Subsegment | None] = ContextVar("subsegment", default=None)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._daemon = _daemon()

    @contextmanager
    def in_subsegment(self, name: str | None = None, **kwargs: Any) -> Iterator[BaseSegment]:
        """Record the code in the context as a subsegment of the current one."""
        del kwargs
        header = os.environ.get("_X_AMZN_TRACE_ID", "")
        daemon = self._daemon
        if daemon is None or "Sampled=1" not in header:
            yield _NOT_SAMPLED
            return
        subsegment = Subsegment(name or "subsegment")
        parent = self._current.get()
        token = self._current.set(subsegment)
        try:
            yield subsegment
        except BaseException as error:
            subsegment.add_exception(error)
            raise
        finally:
            self._current.reset(token)
            subsegment.close()
            self._send(daemon, header, subsegment, parent)

    def put_annotation(self, key: str, value: Any) -> None:
        """See `Subsegment.put_annotation`; ignored outside of a subsegment."""
        if (current := self._current.get()) is not None:
            current.put_annotation(key, value)

    def put_metadata(self, key: str, value: Any, namespace: str = "default") -> None:
        """See `Subsegment.put_metadata`; ignored outside of a subsegment."""
        if (current := self._current.get()) is not None:
            current.put_metadata(key, value, namespace)

    def in_subsegment_async(self, name: str | None = None, **kwargs: Any) -> AbstractAsyncContextManager[BaseSegment]:
        """Fail: no function is asynchronous."""
        raise NotImplementedError

    def patch(self, modules: Sequence[str]) -> None:
        """Fail: calls of libraries are not traced."""
        raise NotImplementedError

    def patch_all(self) -> None:
        """Fail, see `patch`."""
        raise NotImplementedError

    def _send(self, daemon: _Address, header: str, subsegment: Subsegment, parent: Subsegment | None) -> None:
        # An error here must not change the result of the request.
        try:
            trace = dict([part.split("=", 1) for part in header.split(";") if "=" in part])
            message = DAEMON_HEADER + subsegment.document(trace["Root"], parent.id if parent else trace["Parent"])
            if len(message) <= MAX_BYTES:
                self._socket.sendto(message, daemon)
        except Exception:  # noqa: S110 (the log must not grow with each request while the daemon is unavailable)
            pass


def _daemon() -> _Address | None:
    """Return the daemon's address, which may be written ``tcp:<address> udp:<address>``; None without a daemon."""
    for part in os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "").split():
        host, _, port = part.removeprefix("udp:").rpartition(":")
        if not part.startswith("tcp:") and port.isascii() and port.isdigit():
            return host, int(port)
    return None


def _plain(value: Any) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else type(value).__name__
