"""Stripe."""

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import SEND_AGAIN, Amount, Provider
from lambdas.inbound.providers.fields import DecimalField, JsonField, ModeField
from lambdas.inbound.providers.selecting_fields import FieldWhere
from lambdas.shared.signatures.stripe import StripeScheme

STRIPE = Provider(
    name="stripe",
    title="Stripe",
    scheme=StripeScheme(),
    identity=IdentityRule(
        event_id=(JsonField("id"),),
        # Stripe renders an event in the API version of each endpoint that gets it.
        unique=True,
        told="the event's id, `evt_...`",
        sources=(
            "https://docs.stripe.com/api/events/object",
            "https://docs.stripe.com/webhooks#handle-duplicate-events",
        ),
    ),
    event_type=(JsonField("type"),),
    # In this order: an object that names a PaymentIntent belongs to it.
    transaction_id=(
        # Charges, refunds, disputes, reviews, checkout sessions in payment mode; invoices up to API version 2025-02-24.
        JsonField("data.object.payment_intent"),
        JsonField("data.object.payment_intent.id"),
        # Invoice payments, since API version 2025-03-31: they name the PaymentIntent of an invoice.
        JsonField("data.object.payment.payment_intent"),
        JsonField("data.object.payment.charge"),
        # Refunds and disputes of a charge without a PaymentIntent, and application fees.
        JsonField("data.object.charge"),
        # Checkout sessions in subscription mode: only their invoice has a PaymentIntent.
        FieldWhere("data.object.object", "checkout.session", JsonField("data.object.invoice")),
        # A payout that reverses another.
        JsonField("data.object.original_payout"),
        JsonField("data.object.id"),
        # Thin events name their object, but do not contain it.
        JsonField("related_object.id"),
    ),
    transaction=(
        "the PaymentIntent, which charges, refunds, disputes and invoice payments name; without one the charge; for a "
        "subscription's checkout the invoice; for a payout the one that it reverses; else the object itself. From API "
        "version 2025-03-31 on invoices name no PaymentIntent and are transactions of their own; subscribe to "
        "invoice_payment.paid, whose payload names both"
    ),
    occurred_at=(JsonField("created"),),
    # The amount of the event's object: for charge.refunded, that of the charge, not of its refund.
    amount=Amount(
        value=(
            DecimalField("data.object.amount"),
            DecimalField("data.object.amount_total"),
            # Invoices and invoice payments: the paid amount once they are paid, before that the requested one.
            FieldWhere("data.object.status", "paid", DecimalField("data.object.amount_paid")),
            DecimalField("data.object.amount_due"),
            DecimalField("data.object.amount_requested"),
        ),
        currency=(JsonField("data.object.currency"),),
        unit="minor",
        # "Zero-decimal currencies" and "special cases" of https://docs.stripe.com/currencies . UGX is on both lists; by
        # its special case, 500 is 5 UGX. By an earlier version, BHD, JOD, KWD, OMR and TND have three digits.
        # What is on no list has two; whether Stripe takes the currencies with None at all is not documented.
        digits={"ISK": 2, "MGA": 0, "UGX": 2, "CLF": None, "IQD": None, "LYD": None, "UYI": None, "UYW": None},
    ),
    mode=(ModeField("livemode"),),
    # The connected account; thin events name it as the context in which their object is fetched.
    account=(JsonField("account"), JsonField("context")),
    key_doc="the endpoint's signing secret, whsec_..., from the Dashboard or the API",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="for three days, with exponential back-off, in live mode",
    answer_within=None,
    caveat="A thin event, with `object` `v2.core.event`, names an object and does not contain it. It is recorded with "
    "its type, its time, and `related_object.id` as the transaction; it has no amount. Fetch the object from Stripe at "
    "`related_object.url`, as the account in `context`. Without `related_object.id` it is a transaction of its own. "
    "That of a charge, refund or dispute does not name the PaymentIntent, so it is a transaction apart from the "
    "payment; subscribe to `v1.payment_intent` events, or to snapshots. If a destination gets snapshots and another "
    "one thin events, both are routed: their ids differ, and `snapshot_event` of the thin one names the other.",
    sources=(
        "https://docs.stripe.com/api/events/object",
        "https://docs.stripe.com/webhooks#retries",
        "https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices",
        "https://docs.stripe.com/api/invoice-payment/object",
        "https://docs.stripe.com/events/how-events-work",
        "https://docs.stripe.com/api/v2/core/events/object",
        "https://docs.stripe.com/currencies",
    ),
)
