"""Lithic."""

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import SEND_AGAIN, Provider
from lambdas.inbound.providers.fields import HeaderField, JsonField
from lambdas.shared.signatures.standard_webhooks import StandardWebhooksScheme

LITHIC = Provider(
    name="lithic",
    title="Lithic",
    scheme=StandardWebhooksScheme(),
    # The same when the event is sent again.
    identity=IdentityRule(
        event_id=(HeaderField("webhook-id"),),
        unique=True,
        told="the event's token, in the header `webhook-id`, which is signed",
        sources=("https://docs.lithic.com/docs/events-api",),
    ),
    event_type=(JsonField("event_type"),),
    transaction_id=(JsonField("transaction_token"), JsonField("token"), JsonField("card_token")),
    transaction="the card transaction, which disputes and enhanced data name; else the payment, card or other object",
    # A transaction's own `created` is that of the authorization. No field has the time of every kind of event.
    occurred_at=(JsonField("updated"), JsonField("created")),
    # No amount: a card transaction has several, each with a currency of its own.
    key_doc="the event subscription's secret, whsec_..., from Lithic's API",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="by its retry schedule, for a response that is not 2xx",
    answer_within=None,
    sources=(
        "https://docs.lithic.com/docs/events-api",
        "https://github.com/lithic-com/lithic-python/blob/main/src/lithic/resources/webhooks.py",
        "https://github.com/lithic-com/lithic-python/blob/main/src/lithic/types/parsed_webhook_event.py",
    ),
)
