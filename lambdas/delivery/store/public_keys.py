"""The public halves of the signing keys, as they are published."""

import json
from base64 import b64decode, urlsafe_b64encode
from typing import Any

from lambdas.delivery.store.items import IDENTITY_KEY, PUBLIC_KEYS_ID
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item

_PREFIX = "whpk_"


def published_keys(dynamodb: Any, table: str) -> bytes:
    """Return the document of the public keys.

    Each is there twice: in the form of Standard Webhooks, ``whpk_…``, and as a JSON Web Key (RFC 8037, section 2).
    """
    keys = [_described(key) for key in _read(dynamodb, table)]
    return json.dumps({"keys": keys}, separators=(",", ":")).encode()


def has_current_key(dynamodb: Any, table: str, now: float) -> bool:
    """Tell whether a key pair signs now, so that an endpoint may ask for asymmetric signatures."""
    return any("retiredAt" not in key or key["retiredAt"] > times.iso(now) for key in _read(dynamodb, table))


def _read(dynamodb: Any, table: str) -> list[dict[str, str]]:
    answer = dynamodb.get_item(TableName=table, Key=to_item({IDENTITY_KEY: PUBLIC_KEYS_ID}))
    return list(from_item(answer.get("Item", {})).get("keys", ()))


def _described(key: dict[str, str]) -> dict[str, str]:
    raw = b64decode(key["publicKey"].removeprefix(_PREFIX))
    return {
        "kid": key["keyId"],
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "x": urlsafe_b64encode(raw).decode("ascii").rstrip("="),
        "publicKey": key["publicKey"],
        "createdAt": key["createdAt"],
        **({"retiredAt": key["retiredAt"]} if "retiredAt" in key else {}),
    }
