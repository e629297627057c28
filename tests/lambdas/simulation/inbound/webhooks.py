"""What the providers send: events with numbers, each in as many versions as one likes."""

import json
from typing import Any

from tests.lambdas.simulation.inbound.world import Signed
from tools.senders import SENDERS
from tools.senders.sender import Signing

SECRETS = {"stripe": "whsec_simulated", "generic": "simulated", "adyen": "ab" * 32}
PROVIDERS = tuple(SECRETS)
_LARGE = 200_000
"""More than a message holds in base64."""


def webhook(provider: str, number: int, now: float, version: int = 0) -> Signed:
    """Return a signed webhook; another version has the same events in other bytes."""
    return {"stripe": _stripe, "generic": _generic, "adyen": _adyen}[provider](number, int(now), version)


def _stripe(number: int, now: int, version: int) -> Signed:
    kinds = list(SENDERS["stripe"].events.values())
    document, intent = kinds[number % len(kinds)](number // len(kinds))
    return _signed("stripe", document | {"version": version}, now, {document["id"]: intent})


def _generic(number: int, now: int, version: int) -> Signed:
    transaction = f"order-{number % 40}"
    document = {"id": f"gen-{number}", "type": "order.paid", "transaction_id": transaction, "version": version}
    if number % 97 == 0:
        document["padding"] = "x" * _LARGE
    return _signed("generic", document, now, {document["id"]: transaction})


def _adyen(number: int, now: int, version: int) -> Signed:
    """Return a webhook with one to three items, of which Adyen signs everything but the reason."""
    sender, items, events = SENDERS["adyen"], [], {}
    for place in range(1 + number % 3):
        kind = "REFUND" if place == 1 else "AUTHORISATION"
        document, payment = sender.events[kind](10 * number + place % 2)
        if place == 2:
            document |= {"success": "false"}
        body = json.loads(sender.encode(document | {"reason": str(version)}, _signing("adyen", now)))
        items += body["notificationItems"]
        events[f"{document['pspReference']}:{kind}:{document['success']}"] = payment
    body = json.dumps({"live": "false", "notificationItems": items}).encode()
    return Signed(provider="adyen", body=body, headers={"Content-Type": sender.content_type}, events=events)


def _signed(provider: str, document: dict[str, Any], now: int, events: dict[str, str]) -> Signed:
    sender, signing = SENDERS[provider], _signing(provider, now)
    body = sender.encode(document, signing)
    headers = {"Content-Type": sender.content_type, **sender.sign(body, signing)}
    return Signed(provider=provider, body=body, headers=headers, events=events)


def _signing(provider: str, now: int) -> Signing:
    return Signing(secret=SECRETS[provider], now=now, number=0)
