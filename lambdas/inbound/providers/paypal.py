"""PayPal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import Amount, Option, Provider
from lambdas.inbound.providers.fields import (
    LIVE,
    TEST,
    DecimalField,
    Field,
    JsonField,
    first_of,
    is_identifier,
)
from lambdas.inbound.providers.selecting_fields import FieldWhere
from lambdas.inbound.signatures.paypal import PayPalScheme
from lambdas.shared.request import WebhookRequest


@dataclass(frozen=True)
class OfKind:
    """Fields that count only for events about one kind of resource.

    Attributes
    ----------
    resource_type : str
        PayPal's name of the kind.
    fields : tuple[Field, ...]
        The fields to read; the first one with a value counts.
    """

    resource_type: str
    fields: tuple[Field, ...]

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the identifier; None for an event about another kind."""
        if document.get("resource_type") != self.resource_type:
            return None
        return first_of(self.fields, request, document)


@dataclass(frozen=True)
class LinkField:
    """The identifier at the end of a link of the resource.

    Attributes
    ----------
    rel : str
        Relation of the link; ``up`` leads to the resource that this one was made from.
    collection : str
        The path segment before the identifier.
    """

    rel: str
    collection: str

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the identifier in the first such link."""
        del request
        for link in _elements(document, "links"):
            address = link.get("href") if link.get("rel") == self.rel else None
            if isinstance(address, str):
                before, _, identifier = address.rpartition("/")
                if before.endswith(f"/{self.collection}") and is_identifier(identifier):
                    return identifier
        return None


@dataclass(frozen=True)
class FirstDisputedField:
    """A member of the first disputed transaction, or of the first object in another array of the resource."""

    member: str
    array: str = "disputed_transactions"

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the identifier."""
        for transaction in _elements(document, self.array)[:1]:
            return JsonField(self.member).read(request, transaction)
        return None


def _elements(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the objects in an array of the resource."""
    resource = document.get("resource")
    array = resource.get(name) if isinstance(resource, Mapping) else None
    return [element for element in array if isinstance(element, Mapping)] if isinstance(array, list) else []


PAYPAL = Provider(
    name="paypal",
    title="PayPal",
    scheme=PayPalScheme(),
    options={
        # PayPal's webhook simulator signs anything for the id WEBHOOK_ID: without an underscore in the pattern, that id
        # cannot be configured.
        "webhook_id": Option(
            doc="the webhook's id, as the app's page in PayPal's developer dashboard shows it: letters and digits",
            pattern="[0-9A-Za-z]{1,50}",
            required=True,
        ),
        "environment": Option(
            doc="'live', the default, or 'sandbox'; webhooks of the other are refused", pattern="live|sandbox"
        ),
    },
    key_doc="none: PayPal signs with a certificate, and names its address in each webhook",
    needs_secret=False,
    native=True,
    certificate_hosts=("api.paypal.com", "api.sandbox.paypal.com"),
    # Only the CRC32 covers the id, but processing records one body for each transmission id, which RSA covers.
    identity=IdentityRule(
        event_id=(JsonField("id"),),
        unique=True,
        told="the event's id, `WH-...`; another body under one transmission is a conflict, since PayPal signs a CRC32",
        sources=("https://developer.paypal.com/api/webhooks/v1/definitions/event_resend/",),
    ),
    event_type=(JsonField("event_type"),),
    transaction_id=(
        OfKind("dispute", (FirstDisputedField("seller_transaction_id"), JsonField("resource.dispute_id"))),
        OfKind(
            "refund",
            (
                LinkField("up", "captures"),
                LinkField("up", "authorizations"),
                JsonField("resource.capture_id"),
                JsonField("resource.sale_id"),
            ),
        ),
        OfKind("authorization", (JsonField("resource.supplementary_data.related_ids.order_id"),)),
        # A referenced payout, of what was held back of a capture.
        FieldWhere("resource.reference_type", "TRANSACTION_ID", JsonField("resource.reference_id")),
        JsonField("resource.id"),
        # An approval that was reversed.
        JsonField("resource.order_id"),
        # A payout, and each item of it.
        JsonField("resource.batch_header.payout_batch_id"),
        JsonField("resource.payout_batch_id"),
        JsonField("resource.payout_item_id"),
        JsonField("resource.item_id"),
        JsonField("resource.invoice.id"),
        # Merchants and accounts of a platform.
        JsonField("resource.merchant_id"),
        JsonField("resource.account_id"),
    ),
    transaction="the capture or sale, which is what PayPal calls the transaction: its refunds link up to it, and a "
    "dispute names it as seller_transaction_id. Before money moves, the order, which its authorizations name. Refunds "
    "and disputes do not name the order, so it cannot be used for them. For a payout the batch, which its items name; "
    "for an invoice the invoice",
    occurred_at=(JsonField("create_time"),),
    amount=Amount(
        value=(
            DecimalField("resource.amount.value"),
            DecimalField("resource.amount.total"),
            DecimalField("resource.dispute_amount.value"),
            DecimalField("resource.batch_header.amount.value"),
            DecimalField("resource.payout_item.amount.value"),
            DecimalField("resource.payout_amount.value"),
            DecimalField("resource.invoice.amount.value"),
            DecimalField("resource.invoice.total_amount.value"),
        ),
        currency=(
            JsonField("resource.amount.currency_code"),
            JsonField("resource.amount.currency"),
            JsonField("resource.dispute_amount.currency_code"),
            JsonField("resource.batch_header.amount.currency"),
            JsonField("resource.payout_item.amount.currency"),
            JsonField("resource.payout_amount.currency_code"),
            JsonField("resource.invoice.amount.currency_code"),
            JsonField("resource.invoice.total_amount.currency"),
        ),
        unit="major",
    ),
    # PayPal's certificates are of one environment, and those of the other are refused.
    environments={"live": LIVE, "sandbox": TEST},
    # The merchant: who is paid, who pays a refund, and whom a dispute is against.
    account=(
        JsonField("resource.payee.merchant_id"),
        FirstDisputedField("payee.merchant_id", "purchase_units"),
        OfKind("refund", (JsonField("resource.payer.merchant_id"),)),
        FirstDisputedField("seller.merchant_id"),
        JsonField("resource.merchant_id"),
    ),
    exposure="send another body with it, if that comes first; see below",
    sends_api_key=False,
    retries="up to 25 times over three days",
    answer_within=None,
    caveat="PayPal signs a CRC32 of the body, and other bodies with the same CRC32 can be made. Somebody who has a "
    "delivery with its headers, from a log or this archive, could send another body with them. Therefore only the "
    "first body of each transmission is recorded, later ones raise the alarm `conflicting-duplicates`, and a "
    "transmission older than three days is refused. No check of the signature detects a delivery that was changed "
    "before it arrived here; PayPal's API does, with `POST /v1/notifications/verify-webhook-signature` or by fetching "
    "the event, which this stack does not do. The certificate is fetched from PayPal once an hour, so that the "
    "functions need access to the internet; its revocation is not checked. Events of PayPal's simulator are refused.",
    sources=(
        "https://developer.paypal.com/api/rest/webhooks/rest/",
        "https://developer.paypal.com/api/rest/webhooks/event-names/",
        "https://developer.paypal.com/docs/api/payments/v2/",
        "https://developer.paypal.com/api/customer-disputes/v1/definitions/dispute",
        "https://developer.paypal.com/payouts/webhooks.md",
        "https://developer.paypal.com/api/referenced-payouts/v1",
        "https://developer.paypal.com/api/invoicing/webhooks.md",
        # An event in PayPal's API after 39 hours of retries: one transmission, with id and time of the first attempt.
        "https://www.nopcommerce.com/pt/boards/topic/92555/paypal-errornot-a-valid-webhook-url",
    ),
)
