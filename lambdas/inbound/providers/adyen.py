"""Adyen: payments (standard webhooks), and everything else (platforms, transfers, tokens, management)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lambdas.inbound.identity import IdentityRule, WithoutId
from lambdas.inbound.providers.entry import SEND_AGAIN, AcceptedResponse, Amount, Provider
from lambdas.inbound.providers.fields import (
    LIVE,
    TEST,
    DecimalField,
    JoinedFields,
    JsonField,
    ModeField,
    Unsigned,
    short_digest,
)
from lambdas.inbound.signatures.adyen import ITEMS, AdyenItemsScheme, AdyenPlatformScheme, signed_text
from lambdas.shared.request import WebhookRequest

_RETRIES = (
    "after 9, 18 and 27 seconds, then from a queue after 2 minutes and at growing intervals up to 8 hours, for 30 days"
)
_KEY_DOC = "the webhook's HMAC key in hex, as the Customer Area shows it when it is generated; one for each endpoint"
# https://docs.adyen.com/development-resources/currency-codes does not list those with None.
_DIGITS = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2, "BIF": None, "CLF": None, "UYI": None, "UYW": None}
# The body is not parsed once more for this; inside of a text, the quotation marks would have backslashes.
_LIVE = re.compile(rb'"live"\s*:\s*"?(true|false)\b')
_SOURCES = (
    "https://docs.adyen.com/development-resources/webhooks/handle-webhook-events",
    "https://docs.adyen.com/development-resources/webhooks/troubleshoot",
)


@dataclass(frozen=True)
class SignedText:
    """A digest of the text that Adyen signs for an item."""

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return 32 hex digits."""
        del request
        return short_digest(signed_text(document))


@dataclass(frozen=True)
class LiveOfBody:
    """``live`` around the items."""

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return ``live``, or ``test`` if the body says that anywhere; None if it says neither."""
        del document
        return _mode_of(request.body)


# A body has up to a hundred items, and each asks.
@lru_cache(maxsize=1)
def _mode_of(body: bytes) -> str | None:
    found = _LIVE.findall(body)
    return TEST if b"false" in found else LIVE if found else None


# Only eight fields of an item are signed; id, type, transaction and amount are read from these alone. The time of
# occurrence is not read from eventDate, because that is not signed and may differ between duplicates.
ADYEN = Provider(
    name="adyen",
    title="Adyen payments",
    scheme=AdyenItemsScheme(),
    body_format=ITEMS,
    # By Adyen's definition, duplicates have the same eventCode and pspReference. `success` is needed too: a failed
    # AUTHORISATION may be followed by a successful one with the same reference, and Adyen's plugin for Magento compares
    # it. None of the three may contain the separator. The pspReference of a report is its file name, which several
    # merchant accounts may have.
    identity=IdentityRule(
        event_id=(
            JoinedFields((JsonField("pspReference"), JsonField("eventCode"), JsonField("success")), separator=":"),
        ),
        content=SignedText(),
        apart_by=JsonField("merchantAccountCode"),
        told="`pspReference`, `eventCode`, `success` and `merchantAccountCode`",
        sources=(
            _SOURCES[0],
            "https://docs.adyen.com/reporting/automatically-get-reports",
            "https://github.com/Adyen/adyen-magento2/blob/main/Model/Notification.php",
        ),
    ),
    event_type=(JsonField("eventCode"),),
    transaction_id=(JsonField("originalReference"), JsonField("pspReference")),
    transaction=(
        "the payment's pspReference, which captures, refunds, cancellations and disputes carry as originalReference; "
        "merchantReference is not used, since Adyen does not keep it unique"
    ),
    amount=Amount(
        value=(DecimalField("amount.value"),),
        currency=(JsonField("amount.currency"),),
        unit="minor",
        digits=_DIGITS,
    ),
    mode=(Unsigned(LiveOfBody()),),
    account=(JsonField("merchantAccountCode"),),
    # Any 2xx is enough today; this text was required earlier and is still accepted.
    response=AcceptedResponse(status=200, body="[accepted]"),
    key_doc=_KEY_DOC,
    exposure="change what Adyen does not sign, and send it; see below",
    sends_api_key=False,
    retries=_RETRIES,
    answer_within=10,
    caveat="Adyen signs eight fields of each item, `pspReference`, `originalReference`, `merchantAccountCode`, "
    "`merchantReference`, the amount's value and currency, `eventCode` and `success`, and nothing else of the body. "
    "Somebody who has a delivery can change the rest, such as `reason`, `eventDate`, `live` and `additionalData`, and "
    "it is accepted. If Adyen's item was recorded before, the changed one is a duplicate like an item that Adyen "
    "sends again: it is archived, counted, named in the timeline, and not routed. Events, records and routing use the "
    "signed fields only, except that `mode` is read from `live` and marked as unsigned, unless the option `mode` says "
    "it; do not trust the others in the archived payload. `make verify-archive` proves the signed "
    "fields only.",
    sources=(
        *_SOURCES,
        "https://docs.adyen.com/risk-management/disputes-api/dispute-notifications/",
        "https://www.adyen.help/hc/en-us/articles/4545493643676-Why-are-there-duplicate-payments",
        "https://github.com/Adyen/adyen-magento2/blob/main/Model/Notification.php",
        "https://github.com/Adyen/adyen-commercetools/issues/1324",
        "https://docs.adyen.com/development-resources/currency-codes",
    ),
)

ADYEN_PLATFORM = Provider(
    name="adyen-platform",
    title="Adyen platforms",
    scheme=AdyenPlatformScheme(),
    # The eventId of these webhooks is the pspReference that triggered them; one payment triggers several. Adyen writes
    # the body once and queues it, so that a redelivery has the same bytes.
    identity=IdentityRule(
        without_id=WithoutId(
            dated_by=(
                JsonField("timestamp"),
                JsonField("data.updatedAt"),
                JsonField("createdAt"),
                JsonField("eventDate"),
            ),
        ),
        told="the digest of the body, which has the time at which Adyen queued it",
        sources=(
            _SOURCES[0],
            "https://docs.adyen.com/api-explorer/report-webhooks/1/post/balancePlatform.report.created",
        ),
    ),
    event_type=(JsonField("type"), JsonField("eventType")),
    transaction_id=(
        JsonField("data.categoryData.pspPaymentReference"),
        JsonField("data.transfer.categoryData.pspPaymentReference"),
        # Version 3 of the transfer webhooks, and those before them.
        JsonField("data.pspPaymentReference"),
        JsonField("data.platformPayment.paymentPspReference"),
        # Changed bank details.
        JsonField("data.pspReference"),
        JsonField("data.transfer.id"),
        JsonField("data.paymentId"),
        JsonField("data.cardOrderItemId"),
        JsonField("data.id"),
        # Events whose object is below `data`. Those above name some of these objects too, and have ids of their own.
        JsonField("data.mandate.id"),
        JsonField("data.sweep.id"),
        JsonField("data.paymentInstrument.id"),
        JsonField("data.balanceAccount.id"),
        JsonField("data.accountHolder.id"),
        JsonField("data.balanceAccountPayoutScheduleId"),
        JsonField("data.balancePlatformPayoutScheduleId"),
        JsonField("data.balanceAccountId"),
        JsonField("data.merchantId"),
        # Relayed authorisations have no `data`.
        JsonField("id"),
        JsonField("eventId"),
    ),
    transaction=(
        "the pspReference of the payment that a transfer belongs to, which is the transaction id of Adyen payments "
        "too; else the transfer, else the object itself, such as the account holder, balance account, payment "
        "instrument or mandate, wherever the body has its id; else the reference that triggered the event. A dispute "
        "is a transaction of its own: it names a transaction, but neither its transfer nor its payment"
    ),
    occurred_at=(
        JsonField("data.updatedAt"),
        JsonField("data.creationDate"),
        JsonField("timestamp"),
        JsonField("createdAt"),
        JsonField("eventDate"),
    ),
    amount=Amount(
        value=(
            DecimalField("data.amount.value"),
            DecimalField("data.disputedAmount.value"),
            DecimalField("amount.value"),
        ),
        currency=(
            JsonField("data.amount.currency"),
            JsonField("data.disputedAmount.currency"),
            JsonField("amount.currency"),
        ),
        unit="minor",
        digits=_DIGITS,
    ),
    mode=(ModeField("environment", live="live", test="test"), ModeField("live")),
    # The account holder of a platform; what is about a merchant account names that.
    account=(
        JsonField("data.accountHolder.id"),
        JsonField("data.balanceAccount.accountHolderId"),
        JsonField("data.merchantAccount"),
        JsonField("data.merchantId"),
        # Relayed authorisations, and offers of grants, have no `data`.
        JsonField("accountHolder.id"),
        JsonField("accountHolderId"),
    ),
    key_doc=_KEY_DOC,
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries=_RETRIES,
    answer_within=10,
    sources=(
        *_SOURCES,
        "https://docs.adyen.com/api-explorer/transfer-webhooks/4/post/balancePlatform.transfer.created",
        "https://docs.adyen.com/api-explorer/transaction-webhooks/4/post/balancePlatform.transaction.created",
        "https://docs.adyen.com/api-explorer/balanceplatform-webhooks/2/overview",
        "https://docs.adyen.com/api-explorer/dispute-webhooks/4/overview",
        "https://docs.adyen.com/api-explorer/Tokenization-webhooks/1/post/recurring.token.created",
        "https://github.com/Adyen/adyen-openapi",
    ),
)
