"""Checkout.com."""

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import SEND_AGAIN, Amount, Provider
from lambdas.inbound.providers.fields import DecimalField, JsonField
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

CHECKOUT_COM = Provider(
    name="checkout-com",
    title="Checkout.com",
    scheme=HmacHeaderScheme(family="checkout-com", header="Cko-Signature", prefix=""),
    # In the signed body. Checkout.com sends at least once: an event can come again.
    identity=IdentityRule(
        event_id=(JsonField("id"),),
        unique=True,
        told="the event's id, `evt_...`",
        sources=("https://www.checkout.com/docs/workflows",),
    ),
    event_type=(JsonField("type"),),
    transaction_id=(JsonField("data.payment_id"), JsonField("data.id"), JsonField("data.payout_id")),
    transaction="the payment, which its actions have as data.id and disputes as data.payment_id; else the payout",
    # The documents have both names for the time of the event.
    occurred_at=(JsonField("created_on"), JsonField("timestamp")),
    amount=Amount(
        value=(DecimalField("data.amount"),),
        currency=(JsonField("data.currency"),),
        unit="minor",
        # https://www.checkout.com/docs/payments/accept-payments/format-the-amount-value
        # Its versions do not agree on CLF: without digits in 2022, with two today. The last two are not named in it.
        digits={"CLP": 2, "CLF": None, "UYI": None, "UYW": None},
    ),
    # Disputes say it.
    account=(JsonField("data.entity_id"),),
    key_doc="the signature key of the workflow's webhook action, as entered at Checkout.com",
    exposure=SEND_AGAIN,
    sends_api_key=True,
    retries="up to 8 times over 30 hours: after 5, 10, 15 and 30 minutes, then 1, 4, 12 and 12 hours",
    answer_within=10,
    sources=(
        "https://www.checkout.com/docs/workflows",
        "https://www.checkout.com/docs/developer-resources/webhooks/manage-webhooks/set-up-your-webhook-receiver",
        "https://www.checkout.com/docs/business-operations/use-the-dashboard/developers/webhooks",
        "https://www.checkout.com/docs/developer-resources/event-notifications/event-types/payment_captured",
        "https://www.checkout.com/docs/developer-resources/event-notifications/event-types/dispute_resolved",
        "https://www.checkout.com/docs/payments/accept-payments/format-the-amount-value",
        "https://github.com/checkout/checkout-api-reference/blob/main/nas_spec/components/schemas/Disputes/DisputeSummary.yaml",
    ),
)
