"""What providers send: realistic bodies, signed by each provider's own rules.

Written from the providers' documents and not from the verifiers, so that the two can disagree.
"""

import base64
import hashlib
import hmac
import json
import secrets as random_source
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SentWebhook:
    """A webhook as a provider sends it.

    Attributes
    ----------
    provider : str
        Registry entry.
    path : str
        Path below the API's base URL.
    body : bytes
        Exact bytes.
    headers : Mapping[str, str]
        All headers, signature included.
    transaction_id : str
        The transaction that it belongs to.
    """

    provider: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    transaction_id: str


def new_secret(provider: str) -> str:
    """Return a fresh signing secret of the form that the provider uses."""
    if provider == "standard-webhooks":
        return "whsec_" + base64.b64encode(random_source.token_bytes(24)).decode("ascii")
    if provider == "stripe":
        return "whsec_" + random_source.token_urlsafe(24)
    return random_source.token_urlsafe(32)


def webhook(provider: str, number: int, secret: str, now: int, extra: Mapping[str, Any] | None = None) -> SentWebhook:
    """Return the webhook with a number, signed; the same number is the same event.

    Parameters
    ----------
    provider : str
        Registry entry.
    now : int
        Seconds since the epoch at which it is signed.
    extra : Mapping
        Members to add to the body.
    """
    sender = _SENDERS[provider]
    document, transaction_id = sender.event(number)
    body = json.dumps(document | dict(extra or {})).encode()
    headers = {"Content-Type": "application/json", **sender.sign(body, secret, now, number)}
    return SentWebhook(
        provider=provider,
        path="/webhook" if "X-Provider-ID" in headers else f"/webhook/{provider}",
        body=body,
        headers=headers,
        transaction_id=transaction_id,
    )


def providers() -> tuple[str, ...]:
    """Return the providers that can be sent for."""
    return tuple(_SENDERS)


@dataclass(frozen=True)
class _Sender:
    event: Callable[[int], tuple[dict[str, Any], str]]
    sign: Callable[[bytes, str, int, int], dict[str, str]]


def _hex(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _stripe_event(number: int) -> tuple[dict[str, Any], str]:
    intent = f"pi_3Demo{number:06}"
    return {
        "id": f"evt_1Demo{number:06}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": 1_790_000_000 + number,
        "livemode": False,
        "data": {"object": {"id": intent, "object": "payment_intent", "amount": 4200 + number, "currency": "eur"}},
    }, intent


def _sign_stripe(body: bytes, secret: str, now: int, number: int) -> dict[str, str]:
    del number
    return {"Stripe-Signature": f"t={now},v1={_hex(secret, f'{now}.'.encode() + body)}"}


def _github_event(number: int) -> tuple[dict[str, Any], str]:
    node = f"S_kwDemo{number:06}"
    return {
        "action": "created",
        "sponsorship": {"node_id": node, "created_at": "2026-11-01T12:00:00+00:00", "tier": {"name": f"tier {number}"}},
        "sender": {"login": "octocat", "id": 1},
    }, node


def _sign_github(body: bytes, secret: str, now: int, number: int) -> dict[str, str]:
    del now
    return {
        "X-GitHub-Event": "sponsorship",
        "X-GitHub-Delivery": f"00000000-0000-4000-8000-{number:012}",
        "X-Hub-Signature-256": "sha256=" + _hex(secret, body),
    }


def _standard_event(number: int) -> tuple[dict[str, Any], str]:
    invoice = f"inv_{number:06}"
    return {
        "type": "invoice.paid",
        "timestamp": "2026-11-01T12:00:00.000000Z",
        "data": {"id": invoice, "amount": 1999, "currency": "usd"},
    }, invoice


def _sign_standard(body: bytes, secret: str, now: int, number: int) -> dict[str, str]:
    message_id = f"msg_{number:06}"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{now}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": "v1," + base64.b64encode(digest).decode("ascii"),
    }


def _generic_event(number: int) -> tuple[dict[str, Any], str]:
    order = f"order-{number:06}"
    return {"id": f"gen-{number:06}", "type": "order.paid", "transaction_id": order, "amount": "12.50"}, order


def _sign_generic(body: bytes, secret: str, now: int, number: int) -> dict[str, str]:
    del now, number
    return {"X-Provider-ID": "generic", "X-Webhook-Signature": "sha256=" + _hex(secret, body)}


def _timestamped_event(number: int) -> tuple[dict[str, Any], str]:
    order = f"shop-{number:06}"
    return {"id": f"time-{number:06}", "type": "order.refunded", "transaction_id": order, "amount": "12.50"}, order


def _sign_timestamped(body: bytes, secret: str, now: int, number: int) -> dict[str, str]:
    del number
    return {
        "X-Provider-ID": "generic-timestamped",
        "X-Webhook-Timestamp": str(now),
        "X-Webhook-Signature": "sha256=" + _hex(secret, f"{now}.".encode() + body),
    }


_SENDERS: Mapping[str, _Sender] = {
    "stripe": _Sender(_stripe_event, _sign_stripe),
    "github": _Sender(_github_event, _sign_github),
    "standard-webhooks": _Sender(_standard_event, _sign_standard),
    "generic": _Sender(_generic_event, _sign_generic),
    "generic-timestamped": _Sender(_timestamped_event, _sign_timestamped),
}
