"""Signs webhooks as the providers do, written from their documents: nothing here uses the code under test.

Sources
-------
- Stripe: https://docs.stripe.com/webhooks#verify-manually
- GitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
- Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
- generic, generic-timestamped: this project's docs/providers.md
"""

import base64
import hashlib
import hmac

MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"


def _hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def hex_signature(body: bytes, secret: str, timestamp: int | str | None = None) -> str:
    """Return hex over ``<body>``, or over ``<timestamp>.<body>``."""
    message = body if timestamp is None else f"{timestamp}.".encode() + body
    return _hmac_sha256(secret.encode(), message).hex()


def standard_signature(body: bytes, secret: str, timestamp: int | str, message_id: str = MESSAGE_ID) -> str:
    """Return base64 over ``<id>.<timestamp>.<body>``, with the key that the secret encodes."""
    encoded = secret.removeprefix("whsec_")
    key = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    return base64.b64encode(_hmac_sha256(key, f"{message_id}.{timestamp}.".encode() + body)).decode()


def sign_stripe(body: bytes, secret: str, timestamp: int | str, message_id: str = MESSAGE_ID) -> dict[str, str]:
    return {"Stripe-Signature": f"t={timestamp},v1={hex_signature(body, secret, timestamp)}"}


def sign_github(body: bytes, secret: str, timestamp: int | str, message_id: str = MESSAGE_ID) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={hex_signature(body, secret)}"}


def sign_standard_webhooks(
    body: bytes, secret: str, timestamp: int | str, message_id: str = MESSAGE_ID
) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{standard_signature(body, secret, timestamp, message_id)}",
    }


def sign_generic(body: bytes, secret: str, timestamp: int | str, message_id: str = MESSAGE_ID) -> dict[str, str]:
    return {"X-Webhook-Signature": hex_signature(body, secret)}


def sign_generic_timestamped(
    body: bytes, secret: str, timestamp: int | str, message_id: str = MESSAGE_ID
) -> dict[str, str]:
    return {
        "X-Webhook-Timestamp": str(timestamp),
        "X-Webhook-Signature": hex_signature(body, secret, timestamp),
    }


_SIGNERS = {
    "stripe": sign_stripe,
    "github": sign_github,
    "standard-webhooks": sign_standard_webhooks,
    "generic": sign_generic,
    "generic-timestamped": sign_generic_timestamped,
}


def sign(provider: str, body: bytes, secret: str, timestamp: int | str, message_id: str = MESSAGE_ID) -> dict[str, str]:
    """Return the headers under which a provider sends a body.

    The timestamp may be any text, so that a test can sign a malformed time correctly; GitHub and the plain generic
    scheme sign none, and only Standard Webhooks signs a message id.
    """
    return _SIGNERS[provider](body, secret, timestamp, message_id)
