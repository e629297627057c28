"""Paystack."""

from lambdas.inbound.identity import IdentityRule, WithoutId
from lambdas.inbound.providers.entry import SEND_AGAIN, AcceptedResponse, Amount, Provider
from lambdas.inbound.providers.fields import DecimalField, JsonField, ModeField
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

PAYSTACK = Provider(
    name="paystack",
    title="Paystack",
    scheme=HmacHeaderScheme(family="paystack", header="X-Paystack-Signature", algorithm="sha512", prefix=""),
    # Neither body nor headers have an id of the event. data.id is the transaction's, and refunds have none. Two equal
    # refunds have the same bytes until there is a refund_reference.
    identity=IdentityRule(
        without_id=WithoutId(
            # Not createdAt: an object that is changed twice may have the same bytes afterwards.
            dated_by=tuple(
                JsonField(f"data.{name}")
                for name in ("paid_at", "paidAt", "updatedAt", "updated_at", "refund_reference")
            ),
        ),
        told="the digest of the body; without a time of payment or change and without `refund_reference`, each request "
        "is an event",
        sources=("https://paystack.com/docs/payments/webhooks/",),
    ),
    event_type=(JsonField("event"),),
    transaction_id=(
        JsonField("data.transaction_reference"),
        JsonField("data.transaction.reference"),
        JsonField("data.reference"),
        JsonField("data.subscription_code"),
        JsonField("data.id"),
    ),
    transaction=(
        "the reference of the transaction, which refunds, disputes and invoices name; for a transfer its own; else the "
        "subscription or the object itself"
    ),
    occurred_at=tuple(
        JsonField(f"data.{name}") for name in ("paid_at", "paidAt", "updatedAt", "createdAt", "created_at")
    ),
    amount=Amount(
        value=(DecimalField("data.amount"), DecimalField("data.refund_amount")),
        currency=(JsonField("data.currency"),),
        unit="minor",
        # Paystack's plugin for WooCommerce, which takes both, divides the amount of each currency by 100.
        digits={"RWF": 2, "XOF": 2},
    ),
    mode=(ModeField("data.domain", live="live", test="test"),),
    # Transfers have an object there.
    account=(JsonField("data.integration"), JsonField("data.integration.id")),
    key_doc="the secret key of the account, sk_live_... or sk_test_..., which also is the key of Paystack's API",
    response=AcceptedResponse(status=200),
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="every 3 minutes for the first 4 tries, then hourly for 72 hours; in test mode hourly for 10 hours",
    answer_within=30,
    caveat=(
        "Paystack signs with the account's secret key, which can also move money: who reads this secret can do both. "
        "An event has no id. Two equal refunds of one transaction have the same bytes until a `refund_reference` is "
        "there: a second `refund.pending` is routed and marked `sameBytesAs`, also if it is the first one, sent again. "
        "`refund.processed` has the reference."
    ),
    sources=(
        "https://paystack.com/docs/payments/webhooks/",
        "https://github.com/PaystackOSS/doc-code-snippets/blob/main/dist/doc/payments/webhooks/verifying-transaction.js",
        "https://github.com/PaystackOSS/doc-code-snippets/blob/main/dist/doc/payments/webhooks/events.js",
        "https://github.com/PaystackOSS/woo-paystack/blob/master/includes/class-wc-gateway-paystack.php",
    ),
)
