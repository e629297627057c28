"""Adyen's two schemes: a signature inside each notification item, and one over the whole body in a header."""

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.providers.documents import JsonItems
from lambdas.shared.errors import (
    MalformedWebhookError,
    PayloadTooLargeError,
    SignatureRefusedError,
    UnavailableError,
)
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.digests import hmac_text
from lambdas.shared.signatures.scheme import (
    MAX_SIGNATURE_HEADER_CHARS,
    Verdict,
    key_id,
    matching,
    signature_header,
    usable,
)

ITEMS = JsonItems(array="notificationItems", item="NotificationRequestItem")
MAX_VALUES = 50_000
"""Commas, braces and brackets of a body. 100 items of Adyen's have some thousands; 4 MB of nothing else would take more
than a second to parse, for anybody who sends them."""


@dataclass(frozen=True, kw_only=True)
class AdyenItemsScheme:
    """HMAC-SHA256 in base64 over eight fields of each notification item, for payments (standard webhooks).

    Only pspReference, originalReference, merchantAccountCode, merchantReference, amount.value, amount.currency,
    eventCode and success are signed: anybody who has one signed item can change all other fields, such as eventDate,
    reason and live. Every item must be signed; one unsigned item refuses the request.

    Adyen joins the fields with colons and escapes none. If a colon moved from one field into the next, the signature
    would stay right and the event would change. Therefore only merchantReference, which the merchant writes, may
    contain colons: with three fields before it and four behind it, a signed text can be read in one way only.

    The body must be parsed to find what is signed. A body that cannot be parsed proves nothing, and is a 401. One with
    more than `MAX_VALUES` values is not parsed, and is a 413.

    No time is signed, so there is no replay window; a replay becomes a duplicate.

    Source: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
    """

    name: str = "adyen-items"

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`. During a rotation, items may have different keys; the verdict names all of them."""
        keys = [hex_key(secret) for secret in usable(secrets)]
        if sum(request.body.count(mark) for mark in b",{[") > MAX_VALUES:
            raise PayloadTooLargeError("too_many_values")
        try:
            items = ITEMS.documents(request)
        except MalformedWebhookError as error:
            raise SignatureRefusedError(error.reason) from error
        ids = []
        for item in items:
            text = signed_text(item)
            expected = [hmac_text(key, text, encoding="base64") for key in keys]
            ids.append(key_id(matching(secrets, expected, [_item_signature(item)]).secret))
        return Verdict(scheme=self.name, signed_at=None, key_id=",".join(dict.fromkeys(ids)), headers={})


@dataclass(frozen=True, kw_only=True)
class AdyenPlatformScheme:
    """HMAC-SHA256 in base64 over the body, for platforms, transfers, tokens and management.

    Adyen also sends ``Protocol: HmacSHA256``. That header is not signed and has no other value, so it is not read: with
    another algorithm, the signature would not match.

    No time is signed, so there is no replay window; a replay becomes a duplicate.

    Source: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures

    Attributes
    ----------
    header : str
        Header with the signature.
    """

    name: str = "adyen-body"
    header: str = "HmacSignature"

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        signature = signature_header(request, self.header)
        expected = [hmac_text(hex_key(secret), request.body, encoding="base64") for secret in usable(secrets)]
        match = matching(secrets, expected, [signature])
        return Verdict(
            scheme=self.name, signed_at=None, key_id=key_id(match.secret), headers={self.header.lower(): signature}
        )


def hex_key(secret: str) -> bytes:
    """Return the key that Adyen shows in hex.

    Raises
    ------
    UnavailableError
        When it is not hex.
    """
    try:
        return binascii.unhexlify(secret)
    except ValueError as error:
        raise UnavailableError("secret_unusable") from error


def signed_text(item: Mapping[str, Any]) -> bytes:
    """Return the text that Adyen signs for a notification item.

    Absent and null fields are empty, as in Adyen's libraries.

    Raises
    ------
    SignatureRefusedError
        When a field does not have Adyen's type, or contains a colon that makes the text ambiguous.
    """
    amount = item.get("amount")
    if amount is None:
        amount = {}
    if not isinstance(amount, dict):
        raise SignatureRefusedError("malformed_signed_field")
    fields = [
        _field(item.get("pspReference")),
        _field(item.get("originalReference")),
        _field(item.get("merchantAccountCode")),
        _text(item.get("merchantReference")),
        _whole_number(amount.get("value")),
        _field(amount.get("currency")),
        _field(item.get("eventCode")),
        _field(item.get("success")),
    ]
    try:
        return ":".join(fields).encode()
    except UnicodeEncodeError as error:
        raise SignatureRefusedError("malformed_signed_field") from error


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SignatureRefusedError("malformed_signed_field")
    return value


def _field(value: object) -> str:
    text = _text(value)
    if ":" in text:
        raise SignatureRefusedError("malformed_signed_field")
    return text


def _whole_number(value: object) -> str:
    if value is None:
        return ""
    # Amounts of every currency have at most 20 digits; `str` refuses numbers of more than 4,300 digits.
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 10**20:
        raise SignatureRefusedError("malformed_signed_field")
    return str(value)


def _item_signature(item: Mapping[str, Any]) -> str:
    additional = item.get("additionalData")
    signature = additional.get("hmacSignature") if isinstance(additional, dict) else None
    if signature is None or signature == "":
        raise SignatureRefusedError("missing_signature")
    if not isinstance(signature, str):
        raise SignatureRefusedError("malformed_signature")
    if len(signature) > MAX_SIGNATURE_HEADER_CHARS:
        raise SignatureRefusedError("signature_too_long")
    return signature
