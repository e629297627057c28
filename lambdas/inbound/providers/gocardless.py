"""GoCardless."""

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.documents import JsonItems
from lambdas.inbound.providers.entry import SEND_AGAIN, Provider
from lambdas.inbound.providers.fields import JoinedFields, JsonField
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

# In this order: what belongs to a payment names it beside what it is about.
_LINKS = (
    *("payment", "payment_request_payment", "refund", "payout", "outbound_payment", "billing_request"),
    *("subscription", "instalment_schedule", "mandate", "creditor"),
)

GOCARDLESS = Provider(
    name="gocardless",
    title="GoCardless",
    scheme=HmacHeaderScheme(family="gocardless", header="Webhook-Signature", prefix=""),
    # The largest number, by a description of GoCardless's API reference.
    # https://raw.githubusercontent.com/api-evangelist/gocardless/refs/heads/main/asyncapi/gocardless-asyncapi.yml
    body_format=JsonItems(array="events", most=250),
    # In the signed body; the Events API lists the event under it. A retry is the same webhook.
    identity=IdentityRule(
        event_id=(JsonField("id"),),
        unique=True,
        told="the event's id, `EV...`",
        sources=("https://github.com/gocardless/gocardless-pro-python/blob/master/gocardless_pro/resources/event.py",),
    ),
    event_type=(JoinedFields((JsonField("resource_type"), JsonField("action"))),),
    transaction_id=tuple(JsonField(f"links.{name}") for name in _LINKS),
    transaction="the payment that the event links to; else its refund, payout, billing request, subscription, mandate",
    occurred_at=(JsonField("created_at"),),
    # Of a partner's webhook: https://developer.gocardless.com/partners/webhooks-for-partners
    account=(JsonField("links.organisation"),),
    key_doc="the webhook endpoint's secret, from the Dashboard",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="up to 8 times, at growing intervals from a minute on",
    answer_within=10,
    sources=(
        "https://developer.gocardless.com/partners/webhooks-for-partners",
        "https://support.gocardless.com/hc/en-nz/articles/360000989989-Webhook-retries-failures",
        "https://github.com/gocardless/gocardless-pro-python/blob/master/gocardless_pro/webhooks.py",
        "https://github.com/gocardless/gocardless-pro-python/blob/master/gocardless_pro/resources/event.py",
    ),
)
