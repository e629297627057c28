"""Wise."""

from lambdas.inbound.identity import IdentityRule, WithoutId
from lambdas.inbound.providers.entry import SEND_AGAIN, AcceptedResponse, Amount, Option, Provider
from lambdas.inbound.providers.fields import DecimalField, HeaderField, JsonField
from lambdas.inbound.providers.selecting_fields import FieldWhere
from lambdas.inbound.signatures.wise import ANY, WiseScheme

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

WISE = Provider(
    name="wise",
    title="Wise",
    scheme=WiseScheme(),
    options={
        "subscriptions": Option(
            doc=(
                "the ids of the webhook subscriptions that send here, joined with commas, at most ten; others are "
                f"refused. {ANY} accepts the events of every customer of Wise: use it only until Wise "
                "has accepted the URL and shown the subscription's id"
            ),
            # They are part of the evidence, in the 2 KB of metadata that S3 allows.
            pattern=f"{ANY}|{_UUID}(,{_UUID}){{0,9}}",
            required=True,
        )
    },
    # The body has no id of the event. Whether `sent_at` changes when Wise sends again is not documented. With the
    # digest of the whole body, such a redelivery is one more event; without `sent_at`, two equal credits in one second
    # would be one, and money would be missing.
    identity=IdentityRule(
        without_id=WithoutId(
            dated_by=(JsonField("sent_at"),),
            # Not signed.
            delivery=(HeaderField("X-Delivery-Id"),),
        ),
        told="the digest of the body, which has `sent_at`; without it, `X-Delivery-Id` too, which Wise does not sign",
        sources=("https://docs.wise.com/guides/developer/webhooks/event-handling.md",),
    ),
    event_type=(JsonField("event_type"),),
    transaction_id=(
        JsonField("data.transfer_id"),
        FieldWhere("data.resource.type", "transfer", JsonField("data.resource.id")),
    ),
    transaction="the transfer; what is about a balance or a profile is a transaction of its own",
    occurred_at=(JsonField("data.occurred_at"),),
    amount=Amount(value=(DecimalField("data.amount"),), currency=(JsonField("data.currency"),), unit="major"),
    account=(JsonField("data.resource.profile_id"),),
    key_doc="Wise's public key for webhooks, live or sandbox, from its documents: PEM, or its base64 text in one line",
    native=True,
    response=AcceptedResponse(status=200),
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="up to 25 times over two weeks, at growing intervals; after statuses such as 400, up to 3 times",
    answer_within=5,
    caveat=(
        "Wise signs for all of its customers with one key, and does not sign the URL: whoever has an account at Wise "
        "can have its events sent here. Therefore the option `subscriptions` names yours. An event has no id; if Wise "
        "sends one again with another `sent_at`, it is recorded again."
    ),
    sources=(
        "https://docs.wise.com/guides/developer/webhooks/event-handling.md",
        "https://docs.wise.com/guides/developer/webhooks",
        "https://docs.wise.com/api-reference/webhook-event/eventtransfersstatechange",
        "https://github.com/transferwise/digital-signatures-examples/tree/main/verify-webhook-signature",
    ),
)
