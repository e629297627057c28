"""Square."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import SEND_AGAIN, Amount, Option, Provider
from lambdas.inbound.providers.fields import LIVE, TEST, DecimalField, JsonField, Unsigned
from lambdas.inbound.signatures.square import SquareScheme
from lambdas.shared.request import WebhookRequest


@dataclass(frozen=True)
class SquareEnvironment:
    """The header ``square-environment``."""

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return ``live`` or ``test``."""
        del document
        return {"production": LIVE, "sandbox": TEST}.get((request.header("square-environment") or "").lower())


_WITH_AMOUNT = ("payment", "refund", "dispute", "payout")

SQUARE = Provider(
    name="square",
    title="Square",
    scheme=SquareScheme(),
    options={
        "url": Option(
            doc=(
                "the subscription's notification URL exactly as it is registered with Square, which signs it. For an "
                "API without a domain of its own it is known after the first deployment: the output endpoint_url, "
                "/webhook/ and the deployed name. At most 508 characters"
            ),
            # It is part of the evidence, in the 2 KB of metadata that S3 allows.
            pattern=r"https://[!-~]{1,500}",
            required=True,
        )
    },
    identity=IdentityRule(
        event_id=(JsonField("event_id"),),
        unique=True,
        told="`event_id`, which Square tells receivers to compare",
        sources=("https://developer.squareup.com/docs/webhooks/what-it-does",),
    ),
    event_type=(JsonField("type"),),
    transaction_id=(
        JsonField("data.object.payment.id"),
        JsonField("data.object.refund.payment_id"),
        JsonField("data.object.dispute.disputed_payment.payment_id"),
        JsonField("data.object.invoice.order_id"),
        JsonField("data.id"),
    ),
    transaction=(
        "the payment, which refunds and disputes name; for invoices their order, as order events have it; else the "
        "object that the event is about. A refund's order_id is not used: Square creates an order for each refund too"
    ),
    occurred_at=(JsonField("created_at"),),
    amount=Amount(
        value=tuple(DecimalField(f"data.object.{name}.amount_money.amount") for name in _WITH_AMOUNT),
        currency=tuple(JsonField(f"data.object.{name}.amount_money.currency") for name in _WITH_AMOUNT),
        unit="minor",
    ),
    # The keys of an application's sandbox and production differ; see the option `mode`.
    mode=(Unsigned(SquareEnvironment()),),
    account=(JsonField("merchant_id"),),
    key_doc="the subscription's signature key, from the Developer Console under Webhooks; not the access token",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="11 times over 24 hours, with exponential back-off",
    answer_within=10,
    sources=(
        "https://developer.squareup.com/docs/webhooks/step3validate",
        "https://developer.squareup.com/docs/webhooks/overview",
        "https://developer.squareup.com/docs/webhooks/troubleshooting",
        "https://developer.squareup.com/docs/build-basics/working-with-monetary-amounts",
        "https://developer.squareup.com/docs/refunds-api/webhooks",
        "https://developer.squareup.com/reference/square/objects/PaymentRefund",
        "https://developer.squareup.com/reference/square/objects/Dispute",
    ),
)
