"""Mollie's next-gen webhooks. Its classic ones carry an id and no signature, and are not accepted."""

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import SEND_AGAIN, Amount, Provider
from lambdas.inbound.providers.fields import DecimalField, JsonField, ModeField
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

MOLLIE = Provider(
    name="mollie",
    title="Mollie, next-gen webhooks",
    # Mollie's clients take any of several signature headers, and a signature with or without its prefix.
    scheme=HmacHeaderScheme(family="mollie", header="X-Mollie-Signature", repeats=True),
    # In the signed body; the Webhook Events API returns the event by it.
    identity=IdentityRule(
        event_id=(JsonField("id"),),
        unique=True,
        told="the event's id, `event_...`",
        sources=("https://docs.mollie.com/reference/webhooks-new",),
    ),
    event_type=(JsonField("type"),),
    transaction_id=(JsonField("_embedded.entity.paymentId"), JsonField("entityId")),
    transaction=(
        "the payment, which the snapshot of a capture, refund or chargeback names; else the entity that the event is "
        "about. A simple payload has no snapshot"
    ),
    occurred_at=(JsonField("createdAt"),),
    amount=Amount(
        value=(DecimalField("_embedded.entity.amount.value"),),
        currency=(JsonField("_embedded.entity.amount.currency"),),
        unit="major",
    ),
    mode=(ModeField("_embedded.entity.mode", live="live", test="test"),),
    account=(JsonField("_embedded.entity.profileId"),),
    key_doc="the webhook's signing secret, shown when the webhook is made",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="by its retry schema, for a response that is not a success",
    answer_within=15,
    caveat=(
        "Mollie's classic webhooks, the `webhookUrl` of a payment, are not signed: anybody can send one. They carry "
        "only an id, and what happened must be fetched with `GET /v2/payments/{id}` and the API key, which this stack "
        "does not do. Subscribe to next-gen webhooks instead. With a simple payload, fetch the event with "
        "`GET /v2/events/{id}`. While a secret is rotated, Mollie sends a signature header for each. With direct "
        "integration one of them arrives: add the new secret here at once."
    ),
    sources=(
        "https://docs.mollie.com/reference/webhooks-new",
        "https://docs.mollie.com/reference/webhooks-best-practices",
        "https://docs.mollie.com/reference/captures-api-webhooks",
        "https://docs.mollie.com/overview/webhooks",
        "https://github.com/mollie/mollie-api-php/blob/master/src/Webhooks/SignatureValidator.php",
    ),
)
