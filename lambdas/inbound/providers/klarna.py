"""Klarna."""

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import SEND_AGAIN, Amount, Provider
from lambdas.inbound.providers.fields import DecimalField, JsonField, ModeField
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

KLARNA = Provider(
    name="klarna",
    title="Klarna",
    # Klarna-Signing-Key-Id, which names the key, is not signed and not read: each valid key is tried.
    scheme=HmacHeaderScheme(family="klarna", header="Klarna-Signature", prefix=""),
    # In the signed body.
    identity=IdentityRule(
        event_id=(JsonField("metadata.event_id"), JsonField("event_id")),
        unique=True,
        told="`event_id`, a UUID",
        sources=("https://docs.klarna.com/klarna-network-distribution/acquiring-partner-setup/webhooks",),
    ),
    event_type=(JsonField("metadata.event_type"), JsonField("event_type")),
    transaction_id=(
        JsonField("payload.payment_transaction_id"),
        JsonField("payload.payment_request_id"),
        JsonField("payload.payment_dispute_id"),
    ),
    transaction="the payment transaction, which disputes name; before there is one, the payment request",
    occurred_at=(JsonField("metadata.occurred_at"), JsonField("occurred_at")),
    amount=Amount(
        value=(DecimalField("payload.dispute_details.dispute_amount"),),
        currency=(JsonField("payload.dispute_details.currency"),),
        unit="minor",
    ),
    mode=(ModeField("metadata.live"),),
    # The partner; the acquirer who receives its webhooks is recipient_account_id.
    account=(JsonField("metadata.subject_account_id"),),
    key_doc="the signing key of the webhook, which Klarna shows once, when it is made",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="at growing intervals of up to 12 hours",
    answer_within=None,
    sources=(
        "https://docs.klarna.com/klarna-network-distribution/manage-partners/integration-setup-and-notifications/webhooks",
        "https://docs.klarna.com/acquirer/worldpay-test/recommended-integration/webhooks-registration/",
        "https://github.com/krokedil/klarna-express-checkout",
    ),
)
