"""The URL of an endpoint: what it may look like, and where it may lead. One check at registration and at every attempt.

A URL has one reading here, the strict one. What browsers and resolvers also understand, such as ``0x7f.1`` or
``017700000001`` for an address, a trailing dot, a backslash or a name in other letters than ASCII, is refused.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address

from lambdas.delivery.sending.addresses import refusal

MAX_URL_CHARS = 2_048
PUBLIC_HTTPS, LOCAL = "public-https", "local"

# RFC 3986's characters, but no user information and no fragment; a percent sign begins an escape.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*)?"
    r"(?:\?(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]]|%[0-9A-Fa-f]{2})*)?)",
    re.ASCII,
)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
# https://url.spec.whatwg.org/#ends-in-a-number-checker: such a host is an address, or nothing.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
# Names that never lead to a public address: RFC 6761, 6762, 7686, 8375, and ICANN's decision on `internal`.
_SPECIAL_NAMES = frozenset({"localhost", "local", "internal", "arpa", "onion"})
# The one route of the delivery API that a delivery may lead to: it answers, and makes nothing of what it gets.
_RECEIVER = re.compile(r"(/[A-Za-z0-9_-]+)?/receiver/[a-z0-9-]+/ep_[0-9A-Z]+(\?.*)?", re.ASCII)
# https://fetch.spec.whatwg.org/#port-blocking, what of it is not below 1024
_BLOCKED_PORTS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6679, 6697, 10080, *range(6665, 6670)}
)
_FIRST_UNPRIVILEGED_PORT = 1_024
_DEFAULT_PORTS = {"https": 443, "http": 80}

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a name, for a port; raises OSError when it has none."""


class EndpointRefusedError(Exception):
    """A URL that nothing is sent to.

    Attributes
    ----------
    reason : str
        Why; fit to show to the tenant, and holds nothing of the URL but its host's address.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class EndpointRules:
    """Which URLs endpoints may have.

    Attributes
    ----------
    local : bool
        Whether plain HTTP, loopback addresses and any port are let through too: for a local AWS and for tests alone.
    runtime : str
        Host and port of the Lambda runtime's own API, which is refused even then; empty outside of Lambda.
    refused_hosts : tuple[str, ...]
        Names that are refused: the API's own, which would make a loop, and those that the operator refuses. ``*``
        stands for any characters.
    """

    local: bool = False
    runtime: str = ""
    refused_hosts: tuple[str, ...] = ()

    @classmethod
    def named(cls, name: str, refused_hosts: str = "") -> "EndpointRules":
        """Return the rules that the settings ``ENDPOINT_RULES`` and ``REFUSED_HOSTS`` ask for.

        Parameters
        ----------
        refused_hosts : str
            Separated by commas.

        Raises
        ------
        ValueError
            When no rules have that name.
        """
        if name not in (PUBLIC_HTTPS, LOCAL):
            raise ValueError(f"ENDPOINT_RULES is {name!r:.40}, expected {PUBLIC_HTTPS} or {LOCAL}")
        return cls(
            local=name == LOCAL,
            runtime=os.environ.get("AWS_LAMBDA_RUNTIME_API", ""),
            refused_hosts=tuple(filter(None, refused_hosts.split(","))),
        )


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A URL that may be sent to, in its parts.

    Attributes
    ----------
    secure : bool
        Whether it is HTTPS.
    host : str
        Name in lower case, or address, without brackets.
    port : int
        Port.
    authority : str
        Host and port as the ``Host`` header has them.
    target : str
        Path and query.
    literal : IPv4Address | IPv6Address | None
        The host, where it is an address.
    """

    secure: bool
    host: str
    port: int
    authority: str
    target: str
    literal: Address | None


def check_url(url: str, rules: EndpointRules, resolve: Resolver | None = None) -> None:
    """Check the URL of an endpoint.

    Parameters
    ----------
    resolve : Resolver | None
        When given, the addresses of the host's name are checked as well. A name that has none for the moment is let
        through: each attempt looks again.

    Raises
    ------
    EndpointRefusedError
        When nothing may be sent to it.
    """
    destination = read_url(url, rules)
    if resolve is None or destination.literal is not None:
        return
    try:
        found = resolve(destination.host, destination.port)
    except OSError:
        return
    checked(found, destination.port, rules)


def read_url(url: str, rules: EndpointRules) -> Destination:
    """Read a URL, and check all of it that can be checked without asking for addresses.

    Raises
    ------
    EndpointRefusedError
        When nothing may be sent to it.
    """
    if len(url) > MAX_URL_CHARS:
        raise EndpointRefusedError(f"url is longer than {MAX_URL_CHARS} characters")
    if not url.isascii():
        raise EndpointRefusedError("url is not ASCII: write the host's name in its xn-- form")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise EndpointRefusedError(
            "url is not of the form https://host/path: user name, password, fragment and other characters are refused"
        )
    secure = parts["scheme"] == "https"
    if not secure and not rules.local:
        raise EndpointRefusedError("url is not https")
    host = parts["host"].lower()
    port = int(parts["port"]) if parts["port"] else _DEFAULT_PORTS[parts["scheme"]]
    _check_port(port, rules)
    literal = _literal(host)
    if literal is None:
        _check_name(host, rules)
        if any(fnmatchcase(host, pattern) for pattern in rules.refused_hosts) and not _RECEIVER.fullmatch(
            parts["target"]
        ):
            raise EndpointRefusedError("host is refused: it is this service's own, or the operator excludes it")
    else:
        checked([str(literal)], port, rules)
    return Destination(
        secure=secure,
        host=host.strip("[]"),
        port=port,
        authority=host if port == _DEFAULT_PORTS[parts["scheme"]] else f"{host}:{port}",
        target=parts["target"] if parts["target"].startswith("/") else "/" + parts["target"],
        literal=literal,
    )


def checked(found: Sequence[str], port: int, rules: EndpointRules) -> list[Address]:
    """Return addresses that a name led to, when each of them may be connected to.

    One that may not refuses them all: a name that has both is no honest receiver's.

    Raises
    ------
    EndpointRefusedError
        When there are no addresses, or one is refused.
    """
    addresses = [_address(text) for text in dict.fromkeys(found)]
    if not addresses:
        raise EndpointRefusedError("address refused: none")
    for address in addresses:
        if (why := _refusal(address, port, rules)) is not None:
            raise EndpointRefusedError(f"address refused: {why}")
    return addresses


def _refusal(address: Address, port: int, rules: EndpointRules) -> str | None:
    authority = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    if rules.runtime and authority == (rules.runtime if ":" in rules.runtime else f"{rules.runtime}:80"):
        return "Lambda runtime"
    why = refusal(address)
    return None if rules.local and why == "loopback" else why


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise EndpointRefusedError("address refused: unreadable") from error


def _check_port(port: int, rules: EndpointRules) -> None:
    if rules.local:
        fits = 1 <= port <= 65_535
    else:
        fits = port == _DEFAULT_PORTS["https"] or (
            _FIRST_UNPRIVILEGED_PORT <= port <= 65_535 and port not in _BLOCKED_PORTS
        )
    if not fits:
        raise EndpointRefusedError(f"port {port} is refused: 443, or one from 1024 that no other protocol is known by")


def _literal(host: str) -> Address | None:
    """Return the address that a host is; None when it is a name."""
    if host.startswith("["):
        address = _address(host[1:-1])
        if address.version != 6:
            raise EndpointRefusedError("host is an IPv4 address in brackets")
        return address
    if not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return None
    try:
        # Four decimal numbers without leading zeros, and nothing else.
        return ipaddress.IPv4Address(host)
    except ValueError as error:
        raise EndpointRefusedError("host is an address in another form than four decimal numbers") from error


def _check_name(host: str, rules: EndpointRules) -> None:
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise EndpointRefusedError("host is no name: letters, digits and hyphens between full stops, none at the end")
    if rules.local and host == "localhost":
        return
    if len(labels) < 2 or labels[-1] in _SPECIAL_NAMES:
        raise EndpointRefusedError("host is no public name")
