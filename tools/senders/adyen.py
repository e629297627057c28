"""Adyen signs fields of an item, or the body.

Source: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
"""

import base64
import hashlib
import hmac
import json
import secrets as random_source
from typing import Any

from tools.senders.sender import Sender, Signing

_ACCOUNT = "DemoShopECOM"


def _authorisation(number: int) -> tuple[dict[str, Any], str]:
    payment = f"DEMO{number:012}"
    return {
        "amount": {"currency": "EUR", "value": 4200 + number},
        "eventCode": "AUTHORISATION",
        "eventDate": "2026-11-01T12:00:00+01:00",
        "merchantAccountCode": _ACCOUNT,
        "merchantReference": f"order:{number:06}",
        "operations": ["CANCEL", "CAPTURE", "REFUND"],
        "paymentMethod": "visa",
        "pspReference": payment,
        "reason": "033899:1111:03/2030",
        "success": "true",
    }, payment


def _refund(number: int) -> tuple[dict[str, Any], str]:
    payment = f"DEMO{number:012}"
    return {
        "amount": {"currency": "EUR", "value": 4200 + number},
        "eventCode": "REFUND",
        "eventDate": "2026-11-02T12:00:00+01:00",
        "merchantAccountCode": _ACCOUNT,
        "merchantReference": f"refund:{number:06}",
        "originalReference": payment,
        "pspReference": f"REFD{number:012}",
        "reason": "",
        "success": "true",
    }, payment


def _transfer(number: int) -> tuple[dict[str, Any], str]:
    payment = f"PLAT{number:012}"
    return {
        "type": "balancePlatform.transfer.updated",
        "environment": "test",
        "timestamp": "2026-11-01T12:00:01+01:00",
        "data": {
            "id": f"TRFR{number:08}",
            "status": "booked",
            "category": "platformPayment",
            "categoryData": {
                "type": "platformPayment",
                "platformPaymentType": "BalanceAccount",
                "pspPaymentReference": payment,
                "modificationPspReference": f"CAPT{number:012}",
            },
            "amount": {"currency": "EUR", "value": 4200 + number},
            "updatedAt": "2026-11-01T12:00:00+01:00",
        },
    }, payment


def _base64_hmac(hex_key: str, message: bytes) -> str:
    digest = hmac.new(bytes.fromhex(hex_key), message, hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")


def _with_signed_item(item: dict[str, Any], signing: Signing) -> bytes:
    amount = item["amount"]
    message = ":".join(
        [
            item["pspReference"],
            item.get("originalReference", ""),
            item["merchantAccountCode"],
            item["merchantReference"],
            str(amount["value"]),
            amount["currency"],
            item["eventCode"],
            item["success"],
        ]
    )
    signature = _base64_hmac(signing.secret, message.encode())
    signed = {"additionalData": {"hmacSignature": signature}, **item}
    return json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": signed}]}).encode()


def _with_another_amount(body: bytes) -> bytes:
    # Not any byte will do: Adyen signs eight fields of an item, and nothing else of the body.
    return body.replace(b'"value": ', b'"value": 9', 1)


def _without_signature(body: bytes) -> bytes:
    document = json.loads(body)
    for item in document["notificationItems"]:
        del item["NotificationRequestItem"]["additionalData"]
    return json.dumps(document).encode()


def _sign_in_the_item(body: bytes, signing: Signing) -> dict[str, str]:
    del body, signing
    return {}


def _sign_in_a_header(body: bytes, signing: Signing) -> dict[str, str]:
    return {"HmacSignature": _base64_hmac(signing.secret, body), "Protocol": "HmacSHA256"}


def _new_key() -> str:
    return random_source.token_bytes(32).hex().upper()


ADYEN = Sender(
    entry="adyen",
    events={"AUTHORISATION": _authorisation, "REFUND": _refund},
    sign=_sign_in_the_item,
    encode=_with_signed_item,
    new_secret=_new_key,
    altered=_with_another_amount,
    unsigned=_without_signature,
)
ADYEN_PLATFORM = Sender(
    entry="adyen-platform",
    events={"balancePlatform.transfer.updated": _transfer},
    sign=_sign_in_a_header,
    new_secret=_new_key,
)
