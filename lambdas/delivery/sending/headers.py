"""The headers of a request to an endpoint: ours, and those that the tenant configured.

A tenant's header can neither take the place of one of ours, nor change how the message is framed or routed, nor end the
header section. Checked when an endpoint is configured, and again at every attempt.
Sources: RFC 9110, sections 5.1, 5.5 and 7.6.1; RFC 9112, section 6.
"""

import re
from collections.abc import Mapping

HOPS_HEADER = "webhook-hops"
"""How many deliveries in a row led to this request. No tenant can set it, and whoever hands the event in again passes
it on, so that a loop through a forwarder ends."""
MAX_HEADERS = 20
MAX_NAME_CHARS = 128
MAX_VALUE_CHARS = 4_096

RESERVED = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "keep-alive",
        "max-forwards",
        "stripe-signature",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
    }
)
RESERVED_PREFIXES = ("webhook-", "svix-", "proxy-", "x-forwarded-", "x-amz-", "x-amzn-", "sec-", ":")

MAX_PREFIX_CHARS = 40
PREFIX_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
# What a server, a proxy or a browser may take for its own.
_RESERVED_PREFIXES_OF_OURS = tuple(
    f"{name}-"
    for name in (
        *RESERVED,
        *("access-control", "authorization", "content", "cookie", "if", "set-cookie", "stripe", "x-amz", "x-amzn"),
        *("proxy", "sec", "traceparent", "tracestate", "x-correlation", "x-forwarded", "x-request"),
    )
)

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
# Visible ASCII, with blanks between: no control character, and nothing that receivers decode differently.
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?", re.ASCII)


class HeaderRefusedError(ValueError):
    """A header that a tenant may not set; the text names the header, and never its value, which may be a password."""


def check_headers(headers: Mapping[str, str]) -> None:
    """Check the headers of an endpoint.

    Raises
    ------
    HeaderRefusedError
        When one is malformed or reserved, comes twice in different spelling, or there are too many.
    """
    if len(headers) > MAX_HEADERS:
        raise HeaderRefusedError(f"headers: {len(headers)} of them, expected at most {MAX_HEADERS}")
    seen = set()
    for name, value in headers.items():
        lower = name.lower()
        # Some servers read an underscore as a hyphen, so that `content_length` would do.
        spelled = lower.replace("_", "-")
        if len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name):
            raise HeaderRefusedError(f"headers: {name!r:.80} is no header name")
        if spelled in RESERVED or spelled.startswith(RESERVED_PREFIXES):
            raise HeaderRefusedError(f"headers: {name!r:.80} is reserved")
        if spelled in seen:
            raise HeaderRefusedError(f"headers: {name!r:.80} comes twice")
        if len(value) > MAX_VALUE_CHARS or not _VALUE.fullmatch(value):
            raise HeaderRefusedError(f"headers: the value of {name!r:.80} is not visible ASCII, or is too long")
        seen.add(spelled)


def check_prefix(prefix: str) -> None:
    """Check the prefix of the signature's headers.

    Raises
    ------
    ValueError
        When it is malformed, or headers that begin with it mean something else.
    """
    if len(prefix) > MAX_PREFIX_CHARS or not re.fullmatch(PREFIX_PATTERN, prefix, re.ASCII):
        raise ValueError(f"lower-case letters, digits and hyphens expected, {MAX_PREFIX_CHARS} characters at most")
    if f"{prefix}-".startswith(_RESERVED_PREFIXES_OF_OURS):
        raise ValueError("headers that begin so are reserved")


def request_headers(tenants: Mapping[str, str], signature: Mapping[str, str], user_agent: str) -> dict[str, str]:
    """Return the headers of a request, without those that frame it, which belong to the client.

    Raises
    ------
    HeaderRefusedError
        As `check_headers`, and when one would replace one of the signature.
    """
    check_headers(tenants)
    for name in tenants:
        if name.lower().replace("_", "-") in signature:
            raise HeaderRefusedError(f"headers: {name!r:.80} is reserved")
    return {
        **tenants,
        "content-type": "application/json",
        "accept": "*/*",
        "user-agent": user_agent,
        **signature,
    }
