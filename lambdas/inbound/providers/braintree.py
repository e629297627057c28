"""Braintree."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lambdas.inbound.identity import IdentityRule, WithoutId
from lambdas.inbound.providers.entry import SEND_AGAIN, Amount, Provider
from lambdas.inbound.providers.fields import DecimalField, Field, JsonField, value_at
from lambdas.inbound.providers.xmlbody import parse_element
from lambdas.inbound.signatures.braintree import BraintreeScheme, read_form
from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.request import WebhookRequest


@dataclass(frozen=True)
class BraintreeBody:
    """A form with a ``<notification>`` in base64 in ``bt_payload``. Elements keep their names, with hyphens."""

    several: ClassVar[bool] = False

    def documents(self, request: WebhookRequest) -> Sequence[Mapping[str, Any]]:
        """See `BodyFormat.documents`."""
        try:
            xml = base64.b64decode(read_form(request.body).payload.replace("\n", ""), validate=True)
        except binascii.Error as error:
            raise MalformedWebhookError("body_not_base64") from error
        notification = parse_element(xml, "notification")
        if not isinstance(notification, dict):
            raise MalformedWebhookError("body_not_a_notification")
        return [notification]


@dataclass(frozen=True)
class PayloadDigest:
    """The SHA-256 of the signed payload without its last line end, which may be missing."""

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return ``sha256:`` and 64 hex digits."""
        del document
        payload = read_form(request.body).payload.rstrip("\n")
        return "sha256:" + hashlib.sha256(payload.encode("ascii")).hexdigest()


@dataclass(frozen=True)
class SubscriptionCharge:
    """A field of the transaction, in a notification of a subscription's charge.

    A subscription lists its newest transaction first:
    https://developer.paypal.com/braintree/docs/reference/response/subscription/python

    Attributes
    ----------
    field : Field
        A field of the transaction.
    """

    field: Field

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the value of the field; None in notifications that are not about a charge."""
        if document.get("kind") not in ("subscription_charged_successfully", "subscription_charged_unsuccessfully"):
            return None
        transactions = value_at(document, "subject.subscription.transactions")
        newest = transactions[0] if isinstance(transactions, list) and transactions else None
        return self.field.read(request, newest) if isinstance(newest, dict) else None


def _local_payment(*path: str) -> tuple[JsonField, ...]:
    kinds = ("local-payment", "local-payment-funded", "local-payment-expired", "local-payment-reversed")
    return tuple(JsonField(".".join(("subject", kind, *path))) for kind in kinds)


BRAINTREE = Provider(
    name="braintree",
    title="Braintree",
    scheme=BraintreeScheme(),
    body_format=BraintreeBody(),
    identity=IdentityRule(
        without_id=WithoutId(digest=PayloadDigest(), dated_by=(JsonField("timestamp"),)),
        told="the digest of `bt_payload`, which has the time of the event",
        sources=("https://developer.paypal.com/braintree/docs/guides/webhooks/parse/python",),
    ),
    event_type=(JsonField("kind"),),
    transaction_id=(
        SubscriptionCharge(JsonField("id")),
        JsonField("subject.transaction.refunded-transaction-id"),
        JsonField("subject.transaction.retried-transaction-id"),
        JsonField("subject.transaction.id"),
        JsonField("subject.transaction-review.transaction-id"),
        JsonField("subject.dispute.transaction.id"),
        *_local_payment("payment-id"),
        JsonField("subject.subscription.id"),
        JsonField("subject.disbursement.id"),
    ),
    transaction=(
        "the Transaction: for a refund or a retry the original one, for a dispute the disputed one, for a charge of a "
        "subscription the one that it made; for a local payment its payment_id; else the subscription or disbursement"
    ),
    occurred_at=(JsonField("timestamp"),),
    amount=Amount(
        value=(
            SubscriptionCharge(DecimalField("amount")),
            DecimalField("subject.transaction.amount"),
            DecimalField("subject.dispute.amount"),
            DecimalField("subject.local-payment.transaction.amount"),
            DecimalField("subject.local-payment-funded.transaction.amount"),
            DecimalField("subject.disbursement.amount"),
        ),
        currency=(
            SubscriptionCharge(JsonField("currency-iso-code")),
            JsonField("subject.transaction.currency-iso-code"),
            JsonField("subject.dispute.currency-iso-code"),
            *_local_payment("transaction", "currency-iso-code"),
            JsonField("subject.disbursement.merchant-account.currency-iso-code"),
        ),
        unit="major",
    ),
    account=(
        SubscriptionCharge(JsonField("merchant-account-id")),
        *(JsonField(f"subject.{name}.merchant-account-id") for name in ("transaction", "dispute", "subscription")),
        *_local_payment("transaction", "merchant-account-id"),
        JsonField("subject.disbursement.merchant-account.id"),
        JsonField("source-merchant-id"),
    ),
    key_doc="an API key as <public key>:<private key>; both stand in the Control Panel under API Keys",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="every hour, for 24 hours in production and for 3 in the sandbox",
    answer_within=30,
    sources=(
        "https://developer.paypal.com/braintree/docs/guides/webhooks/parse/python",
        "https://developer.paypal.com/braintree/docs/guides/webhooks/create/python",
        "https://developer.paypal.com/braintree/docs/reference/general/webhooks/overview",
        "https://developer.paypal.com/braintree/docs/reference/response/transaction/python",
        "https://developer.paypal.com/braintree/docs/reference/response/subscription/python",
        "https://developer.paypal.com/braintree/docs/reference/general/webhooks/local-payment-methods/python",
        "https://github.com/braintree/braintree_python/blob/master/tests/unit/test_webhooks.py",
    ),
)
