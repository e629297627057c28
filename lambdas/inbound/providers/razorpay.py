"""Razorpay."""

from lambdas.inbound.providers.entry import SEND_AGAIN, Amount, Provider
from lambdas.inbound.providers.fields import BodyDigest, DecimalField, JsonField
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

# In this order: the payload of a refund or dispute contains its payment too.
_ENTITIES = ("refund", "dispute", "payment", "order", "payment_link", "invoice", "subscription", "settlement", "payout")

RAZORPAY = Provider(
    name="razorpay",
    title="Razorpay",
    scheme=HmacHeaderScheme(family="razorpay", header="X-Razorpay-Signature", prefix=""),
    # x-razorpay-event-id is not signed, so it cannot be the id; the body has none. It contains the time of the event
    # and the entity as it was then, so that a redelivery has the same bytes.
    event_id=(BodyDigest(),),
    event_type=(JsonField("event"),),
    transaction_id=(
        JsonField("payload.refund.entity.payment_id"),
        JsonField("payload.dispute.entity.payment_id"),
        *(JsonField(f"payload.{name}.entity.id") for name in _ENTITIES),
    ),
    transaction=(
        "the payment, which events of orders, refunds, disputes, invoices and payment links contain too; else the "
        "entity that the event is about"
    ),
    occurred_at=(JsonField("created_at"),),
    amount=Amount(
        value=tuple(DecimalField(f"payload.{name}.entity.amount") for name in _ENTITIES),
        currency=tuple(JsonField(f"payload.{name}.entity.currency") for name in _ENTITIES),
        unit="minor",
    ),
    key_doc="the webhook's secret, as entered on Razorpay's Dashboard; not the API key",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="for 24 hours, with exponential back-off; then the webhook is disabled until somebody enables it",
    answer_within=5,
    sources=(
        "https://razorpay.com/docs/webhooks/validate-test",
        "https://razorpay.com/docs/webhooks/best-practices",
        "https://razorpay.com/docs/webhooks/payments",
        "https://raw.githubusercontent.com/razorpay/markdown-docs/master/webhooks/refunds.md",
        "https://raw.githubusercontent.com/razorpay/markdown-docs/master/webhooks/disputes.md",
    ),
)
