"""Signing requests: Standard Webhooks ``v1`` and ``v1a``, and Stripe's ``t=…,v1=…``.

Each attempt has a time of its own; the id is the event's, the same in every attempt and at every endpoint. During a
rotation each secret signs, so that the receiver may hold either.
Sources: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md,
https://docs.stripe.com/webhooks/signature
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lambdas.delivery.domain.model import Endpoint, SignatureStyle, SigningSecret
from lambdas.shared.signatures.digests import hmac_text
from lambdas.shared.signatures.standard_webhooks import decode_secret

if TYPE_CHECKING:
    from lambdas.delivery.store.signing_keys import SigningKey

STRIPE_HEADER = "stripe-signature"


def valid_secrets(secrets: Sequence[SigningSecret], now: float) -> list[str]:
    """Return the secrets that sign now, the current one first."""
    return [one.value for one in secrets if one.expires_at is None or now < one.expires_at]


def signature_headers(
    endpoint: Endpoint, event_id: str, body: bytes, now: float, keys: Sequence[SigningKey] = ()
) -> dict[str, str]:
    """Return the headers that prove a request to be ours.

    Parameters
    ----------
    event_id : str
        The event's id, which the signature covers; ours hold no full stop, by which the signed parts are told apart.
    body : bytes
        The exact bytes of the request.
    now : float
        Seconds since the epoch: when the attempt is made.
    keys : Sequence[SigningKey]
        The key pairs that sign for endpoints with asymmetric signatures.

    Raises
    ------
    ValueError
        When there is nothing to sign with, or the endpoint asks for an asymmetric signature and there is no key.
    lambdas.shared.errors.UnavailableError
        When a secret cannot be read.
    """
    secrets = valid_secrets(endpoint.secrets, now)
    if not secrets:
        raise ValueError("the endpoint has no valid secret")
    timestamp = str(int(now))
    if endpoint.style is SignatureStyle.STRIPE:
        return {STRIPE_HEADER: stripe_signature(secrets, timestamp, body)}
    content = f"{event_id}.{timestamp}.".encode() + body
    signatures = ["v1," + hmac_text(decode_secret(secret), content, encoding="base64").decode() for secret in secrets]
    if endpoint.asymmetric:
        if not keys:
            raise ValueError("there is no key for asymmetric signatures")
        signatures += ["v1a," + base64.b64encode(key.sign(content)).decode() for key in keys]
    return {
        f"{endpoint.header_prefix}-id": event_id,
        f"{endpoint.header_prefix}-timestamp": timestamp,
        f"{endpoint.header_prefix}-signature": " ".join(signatures),
    }


def stripe_signature(secrets: Sequence[str], timestamp: str, body: bytes) -> str:
    """Return the value of ``stripe-signature``; the key is the secret as it stands, with its ``whsec_``."""
    content = timestamp.encode() + b"." + body
    return ",".join([f"t={timestamp}", *(f"v1={hmac_text(secret.encode(), content).decode()}" for secret in secrets)])
