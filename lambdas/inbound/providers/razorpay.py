"""Razorpay."""

from lambdas.inbound.identity import IdentityRule, WithoutId
from lambdas.inbound.providers.entry import SEND_AGAIN, Amount, Provider
from lambdas.inbound.providers.fields import DecimalField, HeaderField, JsonField
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

# In this order: the payload of a refund or dispute contains its payment too.
_ENTITIES = ("refund", "dispute", "payment", "order", "payment_link", "invoice", "subscription", "settlement", "payout")

RAZORPAY = Provider(
    name="razorpay",
    title="Razorpay",
    scheme=HmacHeaderScheme(family="razorpay", header="X-Razorpay-Signature", prefix=""),
    # The body has no id of the event. It contains the time of the event and the entity as it was then, so that a
    # redelivery has the same bytes.
    identity=IdentityRule(
        without_id=WithoutId(
            dated_by=(JsonField("created_at"),),
            # Not signed.
            delivery=(HeaderField("x-razorpay-event-id"),),
        ),
        told="the digest of the body, which has the time of the event; without it, `x-razorpay-event-id` too, which "
        "Razorpay does not sign",
        sources=("https://razorpay.com/docs/webhooks/validate-test", "https://razorpay.com/docs/webhooks/payments"),
    ),
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
    account=(JsonField("account_id"),),
    key_doc="the webhook's secret, as entered on Razorpay's Dashboard; not the API key",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="for 24 hours, with exponential back-off; then the webhook is disabled until somebody enables it",
    answer_within=5,
    sources=(
        "https://razorpay.com/docs/webhooks/validate-test",
        "https://razorpay.com/docs/webhooks/best-practices",
        "https://razorpay.com/docs/webhooks/payments",
        "https://raw.githubusercontent.com/razorpay/markdown-docs/master/payments/international-payments.md",
        "https://raw.githubusercontent.com/razorpay/markdown-docs/master/webhooks/refunds.md",
        "https://raw.githubusercontent.com/razorpay/markdown-docs/master/webhooks/disputes.md",
    ),
)
