"""Braintree sends signed XML in a form: https://developer.paypal.com/braintree/docs/guides/webhooks/parse/python ."""

import base64
import hashlib
import hmac
import secrets as random_source
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from tools.senders.sender import Sender, Signing

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def _settled(number: int) -> tuple[dict[str, Any], str]:
    transaction = f"demo{number:06}"
    return {
        "timestamp": "2026-11-01T12:00:00Z",
        "kind": "transaction_settled",
        "subject": {
            "transaction": {
                "id": transaction,
                "type": "sale",
                "status": "settled",
                "amount": "42.00",
                "currency-iso-code": "EUR",
                "order-id": f"order-{number:06}",
            }
        },
    }, transaction


def _disputed(number: int) -> tuple[dict[str, Any], str]:
    transaction = f"demo{number:06}"
    return {
        "timestamp": "2026-11-09T12:00:00Z",
        "kind": "dispute_opened",
        "subject": {
            "dispute": {
                "id": f"dispute{number:06}",
                "status": "open",
                "kind": "chargeback",
                "amount": "42.00",
                "currency-iso-code": "EUR",
                "transaction": {"id": transaction, "amount": "42.00"},
            }
        },
    }, transaction


def _xml(name: str, value: object) -> str:
    if isinstance(value, dict):
        inner = "".join(f"\n{_xml(key, each)}" for key, each in value.items())
        return f"<{name}>{inner}\n</{name}>"
    kind = ' type="datetime"' if name == "timestamp" else ""
    return f"<{name}{kind}>{escape(str(value))}</{name}>"


def _signed_form(document: dict[str, Any], signing: Signing) -> bytes:
    xml = '<?xml version="1.0" encoding="UTF-8"?>\n' + _xml("notification", document) + "\n"
    payload = base64.encodebytes(xml.encode())
    public, private = signing.secret.split(":")
    key = hashlib.sha1(private.encode()).digest()  # noqa: S324 (what Braintree's keys are made with)
    signature = hmac.new(key, payload, hashlib.sha1).hexdigest()
    return urlencode({"bt_signature": f"{public}|{signature}", "bt_payload": payload}).encode()


def _without_signature(form: bytes) -> bytes:
    return form[form.index(b"bt_payload=") :]


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    del body, signing
    return {}


def _new_key_pair() -> str:
    public = "".join(random_source.choice(_ALPHABET) for _ in range(16))
    return f"{public}:{random_source.token_hex(16)}"


SENDER = Sender(
    entry="braintree",
    events={"transaction_settled": _settled, "dispute_opened": _disputed},
    sign=_sign,
    encode=_signed_form,
    new_secret=_new_key_pair,
    content_type="application/x-www-form-urlencoded",
    unsigned=_without_signature,
)
