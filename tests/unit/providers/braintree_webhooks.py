"""Webhooks of Braintree, signed by Braintree's own library."""

import base64
from dataclasses import replace
from urllib.parse import urlencode

import braintree
from braintree.util.crypto import Crypto

from tests.unit.webhooks import request

SECRET = "integration_public_key:integration_private_key"
OTHER_SECRET = "7fgb2xkqw3nhs9vd:5a1f3c9e7b2d4f6a8c0e1b3d5f7a9c2e"
PUBLIC, PRIVATE = SECRET.split(":")

XML = b"""<notification>
  <timestamp type="datetime">2021-02-25T15:02:10Z</timestamp>
  <kind>transaction_settled</kind>
  <subject>
    <transaction>
      <id>ft5z2r</id>
      <amount>100.00</amount>
      <currency-iso-code>USD</currency-iso-code>
    </transaction>
  </subject>
</notification>
"""
PAYLOAD = base64.encodebytes(XML).decode()


def gateway(secret=SECRET):
    public, private = secret.split(":", 1)
    return braintree.BraintreeGateway(
        braintree.Configuration(
            environment=braintree.Environment.Sandbox,
            merchant_id="merchant",
            public_key=public,
            private_key=private,
        )
    )


def signature(payload, secret=SECRET):
    """Return the hex digits of a signature."""
    return Crypto.sha1_hmac_hash(secret.split(":", 1)[1], payload)


def pair(payload, secret=SECRET):
    return f"{secret.split(':', 1)[0]}|{signature(payload, secret)}"


def form(bt_signature, bt_payload):
    return urlencode({"bt_signature": bt_signature, "bt_payload": bt_payload}).encode()


def form_request(body, **query):
    return replace(request(body, {"Content-Type": "application/x-www-form-urlencoded"}), query=query)


def payload_request(payload, secret=SECRET):
    """Return a request with a signed payload."""
    return form_request(form(pair(payload, secret), payload))


def xml_request(xml, secret=SECRET):
    """Return a request with signed XML."""
    return payload_request(base64.encodebytes(xml).decode(), secret)
