"""Senders that follow the Standard Webhooks specification."""

from dataclasses import replace

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import SEND_AGAIN, Provider
from lambdas.inbound.providers.fields import HeaderField, JsonField
from lambdas.shared.signatures.standard_webhooks import StandardWebhooksScheme
from lambdas.shared.signatures.standard_webhooks_ed25519 import StandardWebhooksEd25519Scheme

_SPECIFICATION = "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"

STANDARD_WEBHOOKS = Provider(
    name="standard-webhooks",
    title="Standard Webhooks",
    scheme=StandardWebhooksScheme(),
    identity=IdentityRule(
        event_id=(HeaderField("webhook-id"),),
        unique=True,
        told="the header `webhook-id`, which is signed",
        sources=(_SPECIFICATION,),
    ),
    event_type=(JsonField("type"),),
    transaction_id=(JsonField("data.transaction_id"), JsonField("data.transactionId"), JsonField("data.id")),
    occurred_at=(JsonField("timestamp"),),
    transaction="what the sender puts into data.transaction_id, else the object that the event is about",
    key_doc="the endpoint's secret, whsec_...",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="by the specification's advice for more than a day, with exponential back-off",
    answer_within=None,
    sources=(_SPECIFICATION,),
)

# An entry of its own: the form is chosen when the provider is deployed, and the other form is not accepted then.
STANDARD_WEBHOOKS_ED25519 = replace(
    STANDARD_WEBHOOKS,
    name="standard-webhooks-ed25519",
    title="Standard Webhooks with a key pair",
    scheme=StandardWebhooksEd25519Scheme(),
    key_doc="the sender's public key, whpk_...",
    native=True,
)
