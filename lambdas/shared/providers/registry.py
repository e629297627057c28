"""The registry: every provider that can be deployed. A new provider is one entry here."""

from collections.abc import Mapping
from types import MappingProxyType

from lambdas.shared.providers.entry import Provider
from lambdas.shared.providers.fields import BodyDigest, HeaderField, JoinedFields, JsonField
from lambdas.shared.signatures.hmac_hex import HexHmacScheme
from lambdas.shared.signatures.standard_webhooks import StandardWebhooksScheme
from lambdas.shared.signatures.stripe import StripeScheme

_GENERIC_EVENT_ID = (JsonField("id"), JsonField("event_id"), JsonField("eventId"), BodyDigest())
_GENERIC_EVENT_TYPE = (JsonField("type"), JsonField("event_type"), JsonField("eventType"))
_GENERIC_TRANSACTION_ID = (JsonField("transaction_id"), JsonField("transactionId"))

STRIPE = Provider(
    name="stripe",
    title="Stripe",
    scheme=StripeScheme(),
    event_id=(JsonField("id"),),
    event_type=(JsonField("type"),),
    transaction_id=(
        JsonField("data.object.payment_intent"),
        JsonField("data.object.payment_intent.id"),
        JsonField("data.object.id"),
    ),
    occurred_at=(JsonField("created"),),
    sends_api_key=False,
    source="https://docs.stripe.com/api/events/object",
)

GITHUB = Provider(
    name="github",
    title="GitHub",
    scheme=HexHmacScheme(name="github-sha256", header="X-Hub-Signature-256", prefix_required=True),
    # X-GitHub-Delivery is not signed, so it cannot be the identity.
    event_id=(BodyDigest(),),
    event_type=(JoinedFields((HeaderField("X-GitHub-Event"), JsonField("action"))),),
    transaction_id=(
        JsonField("pull_request.node_id"),
        JsonField("issue.node_id"),
        JsonField("sponsorship.node_id"),
        JsonField("marketplace_purchase.account.node_id"),
    ),
    sends_api_key=False,
    source="https://docs.github.com/en/webhooks/webhook-events-and-payloads",
)

STANDARD_WEBHOOKS = Provider(
    name="standard-webhooks",
    title="Standard Webhooks",
    scheme=StandardWebhooksScheme(),
    event_id=(HeaderField("webhook-id"),),
    event_type=(JsonField("type"),),
    transaction_id=(JsonField("data.transaction_id"), JsonField("data.transactionId"), JsonField("data.id")),
    occurred_at=(JsonField("timestamp"),),
    sends_api_key=False,
    source="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
)

GENERIC = Provider(
    name="generic",
    title="Generic HMAC-SHA256",
    scheme=HexHmacScheme(name="generic-sha256", header="X-Webhook-Signature"),
    event_id=_GENERIC_EVENT_ID,
    event_type=_GENERIC_EVENT_TYPE,
    transaction_id=_GENERIC_TRANSACTION_ID,
    sends_api_key=True,
    source="this project's README",
)

GENERIC_TIMESTAMPED = Provider(
    name="generic-timestamped",
    title="Generic HMAC-SHA256 with a signed time",
    scheme=HexHmacScheme(
        name="generic-timestamped-sha256",
        header="X-Webhook-Signature",
        timestamp_header="X-Webhook-Timestamp",
    ),
    event_id=_GENERIC_EVENT_ID,
    event_type=_GENERIC_EVENT_TYPE,
    transaction_id=_GENERIC_TRANSACTION_ID,
    sends_api_key=True,
    source="this project's README",
)

REGISTRY: Mapping[str, Provider] = MappingProxyType(
    {entry.name: entry for entry in (STRIPE, GITHUB, STANDARD_WEBHOOKS, GENERIC, GENERIC_TIMESTAMPED)}
)
