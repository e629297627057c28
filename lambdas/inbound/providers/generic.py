"""Senders without a scheme of their own."""

from dataclasses import replace

from lambdas.inbound.identity import IdentityRule, WithoutId
from lambdas.inbound.providers.entry import SEND_AGAIN, Amount, Option, Provider
from lambdas.inbound.providers.fields import DecimalField, JsonField, ModeField
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

_HEADER_NAME = "[A-Za-z][A-Za-z0-9-]{0,63}"
_OPTIONS = {
    # Not SHA-1: HMAC with it is not known to be broken, but NIST ends its use, and new senders do not need it.
    # https://csrc.nist.gov/news/2022/nist-transitioning-away-from-sha-1-for-all-apps
    "algorithm": Option(doc="the hash of the HMAC: sha256, unless set to sha512", pattern="sha256|sha512"),
    "encoding": Option(
        doc="how the signature is written: hex (in lower case), unless set to base64 or base64url (padded or not)",
        pattern="hex|base64|base64url",
    ),
    "header": Option(
        doc=(
            "the header with the signature, X-Webhook-Signature unless set; with another, webhooks go to "
            "/webhook/{provider}, since API Gateway lets nothing onto /webhook without X-Webhook-Signature"
        ),
        pattern=_HEADER_NAME,
    ),
    "prefix": Option(
        doc="what may stand before the signature: the algorithm and =, as in sha256=, unless set",
        pattern="[!-~]{0,16}",
    ),
}
_TIMESTAMPED_OPTIONS = {
    **_OPTIONS,
    "timestamp_header": Option(
        doc="the header with the signed time in seconds since the epoch, X-Webhook-Timestamp unless set",
        pattern=_HEADER_NAME,
    ),
    # The separator must not be a digit, or a digit could move from the body into the time.
    "signed_content": Option(
        doc="what is signed, {timestamp}.{body} unless set; as in v0:{timestamp}:{body}",
        pattern=r"[A-Za-z0-9._:-]{0,16}\{timestamp\}[.:,;|_-]\{body\}",
    ),
}

GENERIC = Provider(
    name="generic",
    title="Generic HMAC",
    scheme=HmacHeaderScheme(family="generic", header="X-Webhook-Signature"),
    options=_OPTIONS,
    identity=IdentityRule(
        event_id=(JsonField("id"), JsonField("event_id"), JsonField("eventId")),
        without_id=WithoutId(),
        told="`id`, `event_id` or `eventId` of the body",
        sources=("this project's docs/providers.md",),
    ),
    event_type=(JsonField("type"), JsonField("event_type"), JsonField("eventType")),
    transaction_id=(JsonField("transaction_id"), JsonField("transactionId")),
    transaction="what the sender puts into transaction_id",
    amount=Amount(value=(DecimalField("amount"),), currency=(JsonField("currency"),), unit="major"),
    mode=(ModeField("mode", live="live", test="test"),),
    account=(JsonField("account"),),
    key_doc="any text that both sides keep",
    exposure=SEND_AGAIN,
    sends_api_key=True,
    retries="as its operator decides",
    answer_within=None,
    sources=("this project's docs/providers.md",),
)

GENERIC_TIMESTAMPED = replace(
    GENERIC,
    name="generic-timestamped",
    title="Generic HMAC with a signed time",
    scheme=HmacHeaderScheme(
        family="generic-timestamped",
        header="X-Webhook-Signature",
        timestamp_header="X-Webhook-Timestamp",
    ),
    options=_TIMESTAMPED_OPTIONS,
)
