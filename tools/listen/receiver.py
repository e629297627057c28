"""The developer's receiver, to which webhooks are forwarded."""

import ipaddress
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Self
from urllib.parse import urlsplit

from tools.commands.target_stack import NoTargetError

TIMEOUT_SECONDS = 30


class NobodyThereError(Exception):
    """There is no connection, so that nothing was sent; the message says why."""


class NoAnswerError(Exception):
    """There is a connection and no answer, so that nobody knows what came of it."""


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Where webhooks are forwarded to.

    Nothing is added to what came, such as a proxy or credentials, and no redirection is followed.

    Attributes
    ----------
    host, path : str
        Of its URL.
    port : int | None
        None for the scheme's own.
    is_https : bool
        Whether it speaks HTTPS.
    is_loopback : bool
        Whether it is on this machine. Nobody is between, so that any certificate will do.
    """

    host: str
    port: int | None
    path: str
    is_https: bool
    is_loopback: bool

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the receiver at a URL.

        Raises
        ------
        NoTargetError
            When it is none, or payloads would pass through a network in plain text.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise _refused(url, "is not a URL") from None
        if not url.isprintable() or " " in url or parts.scheme not in ("http", "https") or not host:
            raise _refused(url, "is not a URL")
        if parts.username is not None:
            raise NoTargetError("FORWARD: a URL with a user name is not allowed")
        is_https, is_loopback = parts.scheme == "https", _is_loopback(host)
        if not (is_https or is_loopback):
            raise _refused(url, "would carry payloads in plain text to another machine")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(host=host, port=port, path=path, is_https=is_https, is_loopback=is_loopback)

    def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a webhook, and return the status of the answer; its body is not read.

        Raises
        ------
        NobodyThereError
            When there is no connection.
        NoAnswerError
            When there is no answer.
        """
        connection = self._connection()
        with closing(connection):
            try:
                connection.connect()
            except OSError as error:
                raise NobodyThereError(error.strerror or type(error).__name__) from error
            try:
                connection.request("POST", self.path, body, dict(headers))
                return connection.getresponse().status
            # A header that cannot be written is an error of value.
            except (OSError, HTTPException, ValueError) as error:
                raise NoAnswerError(type(error).__name__) from error

    def _connection(self) -> HTTPConnection:
        if not self.is_https:
            return HTTPConnection(self.host, self.port, timeout=TIMEOUT_SECONDS)
        context = ssl.create_default_context()
        if self.is_loopback:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return HTTPSConnection(self.host, self.port, timeout=TIMEOUT_SECONDS, context=context)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refused(url: str, why: str) -> NoTargetError:
    allowed = "https, or an address of this machine such as http://localhost:3000/hooks"
    return NoTargetError(f"FORWARD: {url!r} {why}; allowed: {allowed}")
