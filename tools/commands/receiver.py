"""``make receiver``: an endpoint on this machine that verifies signatures and does wrong what its URL asks for.

The receiver that a stack can deploy, `lambdas.delivery_receiver`, answers through API Gateway, which hands a function's
answer on as a whole; here the connection itself is ours, so that a body can come slowly, or in half.
"""

import argparse
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lambdas.delivery.domain.model import Endpoint, SignatureStyle, SigningSecret
from lambdas.delivery.sending.signing import STRIPE_HEADER
from lambdas.delivery_receiver.checking import check
from lambdas.delivery_receiver.faults import Fault, UnknownFaultError, read_fault
from lambdas.shared.errors import UnavailableError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.standard_webhooks import decode_secret
from tools.local.faulty_receiver import FaultyReceiver, Received

EXAMPLES = (
    ("", "accepts everything: 200"),
    ("?status=500", "fails"),
    ("?status=500&fail=30", "fails three attempts in ten"),
    ("?status=503&retry-after=30", "asks to retry after half a minute"),
    ("?status=410", "is gone: the endpoint is disabled"),
    ("?status=302&location=http://169.254.169.254/", "redirects, into the metadata service"),
    ("?delay=20", "answers after the deadline of an attempt"),
    ("?drip=60", "a slow body: byte by byte, over a minute"),
    ("?truncate", "a truncated body: the connection is closed before its end"),
    ("?close", "no response"),
    ("?size=1000000", "a body of one megabyte"),
    ("?duplicate", "accepts each event's first attempt but responds with an error, so the event comes twice"),
)
UNKNOWN = "unknown_tenant"


class SecretsError(ValueError):
    """The secrets cannot be used; the text says why, and holds none of them."""


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """Whose signatures are good where.

    Attributes
    ----------
    everywhere : Sequence[str]
        Secrets for the paths that are no tenant's.
    by_tenant : Mapping[str, Sequence[str]]
        First part of a path, to the secrets of its tenant and of nobody else.
    """

    everywhere: Sequence[str] = ()
    by_tenant: Mapping[str, Sequence[str]]

    @classmethod
    def given(cls, text: str, file: Path | None) -> Self:
        """Return the secrets that are given: some in a text with blanks between, and a JSON object of them by tenant.

        Raises
        ------
        SecretsError
            When one is no secret, or the file cannot be read.
        """
        try:
            by_tenant = {} if file is None else json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SecretsError(f"SECRETS: {file} cannot be read as JSON: {type(error).__name__}") from error
        if not isinstance(by_tenant, dict):
            raise SecretsError('SECRETS: expected an object such as {"acme": ["whsec_..."]}')
        lists = {name: [found] if isinstance(found, str) else found for name, found in by_tenant.items()}
        for name, secrets in {"SECRET": text.split(), **lists}.items():
            _require_secrets(name, secrets)
        return cls(everywhere=text.split(), by_tenant=lists)

    def refuse(self, received: Received) -> str | None:
        """Return why a request is not proven to come from who may send to its path; None when it is."""
        if not self.everywhere and not self.by_tenant:
            return None
        tenant = received.path.strip("/").split("/")[0]
        secrets = self.by_tenant.get(tenant, self.everywhere)
        return check(_endpoint(received, secrets), _request(received)).reason if secrets else UNKNOWN


def _require_secrets(name: str, secrets: Sequence[object]) -> None:
    try:
        if not isinstance(secrets, list):
            raise TypeError
        for secret in secrets:
            decode_secret(secret)
    except (AttributeError, TypeError, UnavailableError) as error:
        raise SecretsError(f"{name}: expected whsec_ and a key in base64, or a list of them") from error


def _endpoint(received: Received, secrets: Sequence[str]) -> Endpoint:
    """Return an endpoint with these secrets, and with the style and the headers that the request is signed in."""
    return Endpoint(
        tenant_id="-",
        endpoint_id="-",
        url="",
        filters={},
        style=SignatureStyle.STRIPE if STRIPE_HEADER in received.headers else SignatureStyle.STANDARD,
        header_prefix=received.header_prefix,
        secrets=[SigningSecret(value=secret, created_at="") for secret in secrets],
        headers={},
        created_at="",
        updated_at="",
    )


def _request(received: Received) -> WebhookRequest:
    headers: dict[str, list[str]] = {}
    for line in received.head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers.setdefault(name.lower(), []).append(value.strip())
    return WebhookRequest(body=received.body, headers=headers, received_at=received.at)


def told(received: Received, refused: str | None, *, verifies: bool) -> str:
    """Return a line about a request."""
    event_id = received.signed("id") or "-"
    verdict = f"refused: {refused}" if refused else ("verified" if verifies else "not verified: no SECRET was given")
    query = "&".join(f"{name}={value}" if value else name for name, value in received.query.items())
    asked = f" asked for {query}" if query else ""
    line = f"{time.strftime('%H:%M:%S')} {received.path} {event_id} {len(received.body)} bytes, {verdict}{asked}"
    # Whoever sends must not write to the terminal what moves its cursor.
    return "".join(each if each.isprintable() else "?" for each in line)


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="make receiver", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on the loopback address; by default any free one")
    parser.add_argument(
        "--secrets", type=Path, help="JSON file of secrets by tenant; the tenant is the first part of the path"
    )
    chosen = parser.parse_args()
    try:
        # Not an argument, which everybody on the machine could read.
        secrets = Secrets.given(os.environ.get("SECRET", ""), chosen.secrets)
    except SecretsError as error:
        sys.exit(f"error: {error}")
    verifies = bool(secrets.everywhere or secrets.by_tenant)

    def refuse(received: Received) -> str | None:
        refused = secrets.refuse(received)
        print(told(received, refused, verifies=verifies), flush=True)
        return refused

    def decide(received: Received) -> Fault:
        try:
            return read_fault(received.query)
        except UnknownFaultError as error:
            print(f"  answered 400: {error}", flush=True)
            raise

    with contextlib.suppress(KeyboardInterrupt):
        try:
            receiver = FaultyReceiver(wanted_port=chosen.port, refuse=refuse, decide=decide)
        except OSError as error:
            sys.exit(f"error: PORT: {chosen.port} cannot be opened: {error.strerror}")
        except OverflowError:
            sys.exit(f"error: PORT: {chosen.port} is not allowed; allowed: 0 to 65535")
        with receiver:
            tenants = sorted(secrets.by_tenant)
            _introduce(receiver.url(f"/{tenants[0]}" if tenants else "/hook"), verifies=verifies)
            threading.Event().wait()


def _introduce(url: str, *, verifies: bool) -> None:
    print(url)
    for query, meaning in EXAMPLES:
        print(f"  {url}{query:<48} {meaning}")
    signed = "a request without a valid signature receives 401" if verifies else "signatures are not verified"
    print(f"{signed}; Ctrl-C stops it. Requests:", flush=True)


if __name__ == "__main__":
    main()
