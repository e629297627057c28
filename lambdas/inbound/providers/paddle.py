"""Paddle Billing."""

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import SEND_AGAIN, AcceptedResponse, Amount, Provider
from lambdas.inbound.providers.fields import DecimalField, JsonField
from lambdas.shared.signatures.stripe import StripeScheme

PADDLE = Provider(
    name="paddle",
    title="Paddle Billing",
    # Paddle's own libraries refuse a time of more than five seconds ago. This takes the window of every scheme here: a
    # message that waited a little is no forgery, and a replay is a duplicate.
    scheme=StripeScheme(
        name="paddle-h1", header="Paddle-Signature", time_key="ts", signature_key="h1", separator=";", joint=":"
    ),
    # In the signed body, the same in every notification of the event. A replay from Paddle's dashboard has another
    # notification_id in the body.
    identity=IdentityRule(
        event_id=(JsonField("event_id"),),
        unique=True,
        told="`event_id`, `evt_...`",
        sources=("https://developer.paddle.com/webhooks/about/how-webhooks-work",),
    ),
    event_type=(JsonField("event_type"),),
    transaction_id=(JsonField("data.transaction_id"), JsonField("data.id")),
    transaction=(
        "the transaction, which adjustments, such as refunds and chargebacks, and a new subscription name; else the "
        "object that the event is about"
    ),
    occurred_at=(JsonField("occurred_at"),),
    amount=Amount(
        value=(DecimalField("data.details.totals.grand_total"), DecimalField("data.totals.total")),
        currency=(JsonField("data.currency_code"),),
        unit="minor",
        # Yen and won have none by Paddle's documents and its example code, which say nothing of these two.
        digits={"CLP": None, "VND": None},
    ),
    key_doc="the notification destination's secret key, pdl_ntfset_..., from Paddle's dashboard",
    response=AcceptedResponse(status=200),
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="up to 60 times over 3 days, with exponential back-off, for live accounts",
    answer_within=5,
    sources=(
        "https://developer.paddle.com/webhooks/about/signature-verification",
        "https://developer.paddle.com/webhooks/about/respond-to-webhooks",
        "https://developer.paddle.com/webhooks/about/how-webhooks-work",
        "https://developer.paddle.com/api-reference/currencies",
        "https://github.com/PaddleHQ/paddle-nextjs-starter-kit/blob/main/src/utils/paddle/parse-money.ts",
        "https://github.com/PaddleHQ/paddle-python-sdk/blob/main/paddle_billing/Notifications/PaddleSignature.py",
        "https://github.com/PaddleHQ/paddle-python-sdk/blob/main/paddle_billing/Notifications/Verifier.py",
        "https://github.com/PaddleHQ/paddle-python-sdk/blob/main/paddle_billing/Notifications/Entities/Adjustment.py",
    ),
)
