"""Webhooks of Adyen, signed by Adyen's own library."""

import json
import re
from itertools import combinations, pairwise

from Adyen.util import generate_notification_sig, generate_payload_sig

from tests.unit.webhooks import request

# The keys of Adyen's own tests and documents: they protect nothing.
KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
OTHER_KEY = "79A3EAF309C43708726A8C284C0D72618696A12E840DFA1DF3A158AFA3B577DA"

REFUND = {
    "amount": {"currency": "EUR", "value": 1130},
    "eventCode": "REFUND",
    "eventDate": "2021-02-25T16:02:10+01:00",
    "merchantAccountCode": "TestMerchant",
    "merchantReference": "order 1:2",
    "operations": ["CANCEL"],
    "originalReference": "7914073381342284",
    "paymentMethod": "visa",
    "pspReference": "8825408195409505",
    "reason": "",
    "success": "true",
}
SIGNED_FIELDS = (
    *("pspReference", "originalReference", "merchantAccountCode", "merchantReference"),
    *("amount.value", "amount.currency", "eventCode", "success"),
)


def changed(item, path, value):
    """Return an item with another value at a dotted path."""
    head, _, tail = path.partition(".")
    return {**item, head: changed(item[head], tail, value) if tail else value}


def without(item, path):
    """Return an item without the member at a dotted path."""
    head, _, tail = path.partition(".")
    if tail:
        return {**item, head: without(item[head], tail)}
    return {name: value for name, value in item.items() if name != head}


def with_signature(item, signature):
    return {**item, "additionalData": {"hmacSignature": signature}}


def signature_of(item, key=KEY):
    return generate_notification_sig(item, key).decode()


def signed(item, key=KEY):
    return with_signature(item, signature_of(item, key))


def body_of(*items):
    return json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": item} for item in items]})


def items_request(*items):
    """Return a request with items as they are given."""
    return request(body_of(*items).encode(), {"Content-Type": "application/json"})


def body_request(body, key=KEY, **headers):
    """Return a request whose body is signed in the header."""
    signature = generate_payload_sig(body, key).decode()
    return request(body, {"HmacSignature": signature, "Protocol": "HmacSHA256", **headers})


def readings(text):
    """Return every way to read a signed text as eight fields, for whoever splits it at other colons."""
    parts = text.split(":")
    for cuts in combinations(range(1, len(parts)), 7):
        bounds = pairwise((0, *cuts, len(parts)))
        values = dict(zip(SIGNED_FIELDS, (":".join(parts[start:end]) for start, end in bounds), strict=True))
        number = values.pop("amount.value")
        item = changed(REFUND, "amount.value", int(number) if re.fullmatch("-?[0-9]+", number) else number or None)
        for path, value in values.items():
            item = changed(item, path, value)
        yield item
