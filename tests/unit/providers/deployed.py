"""Deployed providers with their options, behind ingestion; and their signers."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lambdas.inbound.envelope import ArchivedBody
from lambdas.inbound.providers.entry import Provider
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.signatures.wise import ANY
from lambdas.ingestion.logic import Ingestion
from lambdas.shared.errors import WebhookRefusedError
from tests.unit.providers import adyen_webhooks
from tests.unit.webhooks import NOW, OTHER_SECRET, SECRETS
from tools.senders import SENDERS, Signing

ACCEPTED = "accepted"
MAX_BODY_BYTES = 2**22
NUMBER = 7


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A provider with its options.

    ``options`` are deployed; the senders sign by them, which were written from the providers' documents.

    Attributes
    ----------
    secret, other : str
        Two secrets that sign.
    form : str
        What stands around the signature in its header.
    required : str
        What a header must begin with to be compared at all.
    """

    entry: str
    options: Mapping[str, str] = field(default_factory=dict)
    secret: str = "6yJt0kqX3bVd8r1LhQ2mWc5nZs7uPfAe"
    other: str = OTHER_SECRET
    form: str = "{}"
    required: str = ""

    @property
    def provider(self) -> Provider:
        return REGISTRY[self.entry].configured(self.options)

    @property
    def signed_headers(self) -> tuple[str, ...]:
        """The headers that are verified, the signature last."""
        scheme = self.provider.scheme
        if hasattr(scheme, "header_prefix"):
            return tuple(f"{scheme.header_prefix}-{part}" for part in ("id", "timestamp", "signature"))
        timestamp = getattr(scheme, "timestamp_header", None)
        return (scheme.header,) if timestamp is None else (timestamp, scheme.header)

    @property
    def timed(self) -> bool:
        return "NOW" in self.form or len(self.signed_headers) > 1

    def kept(self, secret: str) -> str:
        return SENDERS[self.entry].kept(secret)

    def signature(self, headers: Mapping[str, str]) -> str:
        """Return the signature alone."""
        return headers[self.signed_headers[-1]].removeprefix(self.around(""))

    def around(self, signature: str) -> str:
        """Return the header's value with a signature in it."""
        return self.form.replace("NOW", str(NOW)).format(signature)

    def body(self, event: str | None = None, number: int = NUMBER) -> bytes:
        sender = SENDERS[self.entry]
        document, _ = sender.events[event or next(iter(sender.events))](number)
        return sender.encode(document, self.signing(None, 0))

    def sign(self, body: bytes, *, now: int | str, secret: str | None = None) -> dict[str, str]:
        """Return the headers under which the provider sends a body, each by the name that the scheme uses."""
        sent = SENDERS[self.entry].sign(body, self.signing(secret, now))
        names = {name.lower(): name for name in self.signed_headers}
        return {names.get(name.lower(), name): value for name, value in sent.items()}

    def signing(self, secret: str | None, now: int | str) -> Signing:
        return Signing(secret=self.secret if secret is None else secret, now=now, number=NUMBER, options=self.options)

    def answer(self, request, secrets=None) -> str:
        """Return what ingestion answers; an exception of any other kind than a refusal fails the test."""
        nowhere = Nowhere([self.kept(self.secret)] if secrets is None else secrets)
        ingestion = Ingestion(
            providers={self.entry: self.provider},
            secrets=nowhere,
            queue=nowhere,
            archive=nowhere,
            max_body_bytes=MAX_BODY_BYTES,
        )
        try:
            accepted = ingestion.accept(self.entry, request, "request-1")
        except WebhookRefusedError as refusal:
            return f"{refusal.status} {refusal.reason}"
        assert [event.provider for event in accepted.events] == [self.entry]
        return ACCEPTED

    def verify(self, request, secrets=None):
        return self.provider.scheme.verify(request, [self.kept(self.secret)] if secrets is None else secrets)

    def outcome(self, request, secrets=None) -> str:
        """Return what becomes of a request at the signature check, whatever its body says."""
        try:
            self.verify(request, secrets)
        except WebhookRefusedError as refusal:
            return f"{refusal.status} {refusal.reason}"
        return ACCEPTED


class Nowhere:
    """Secrets that are given; a queue and an archive of which nobody asks what became of things."""

    def __init__(self, secrets):
        self.secrets = secrets

    def get(self, name, *, max_age=0.0, recheck_seconds=None):
        return self.secrets

    def send(self, envelope, message):
        pass

    def store(self, event, body, content_type, evidence):
        return ArchivedBody(key="raw/x", size=len(body), sha256="0" * 64)


SHOPIFY = Deployed(entry="shopify", options=SENDERS["shopify"].options)
MOLLIE = Deployed(entry="mollie", form="sha256={}")
SQUARE = Deployed(entry="square", options=SENDERS["square"].options)
GENERIC = Deployed(entry="generic", form="sha256={}")
SHA512_BASE64 = Deployed(
    entry="generic",
    options={"algorithm": "sha512", "encoding": "base64", "header": "X-Signature"},
    form="sha512={}",
)
BASE64URL = Deployed(entry="generic", options={"encoding": "base64url", "prefix": "v1="}, form="v1={}")
TIMESTAMPED = Deployed(entry="generic-timestamped", form="sha256={}")
LIKE_SLACK = Deployed(
    entry="generic-timestamped",
    options={
        "header": "X-Slack-Signature",
        "timestamp_header": "X-Slack-Request-Timestamp",
        "signed_content": "v0:{timestamp}:{body}",
        "prefix": "v0=",
    },
    form="v0={}",
)


def key_pair(seed: bytes) -> str:
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest())
    return "whsk_" + base64.b64encode(key.private_bytes_raw() + key.public_key().public_bytes_raw()).decode()


@cache
def rsa_secret(number: int) -> str:
    """Return one of a few private keys, because making one takes a second."""
    del number
    return SENDERS["wise"].new_secret()


DEPLOYED = {
    "stripe": Deployed(entry="stripe", secret=SECRETS["stripe"], form="t=NOW,v1={}", required="t="),
    "github": Deployed(entry="github", secret=SECRETS["github"], form="sha256={}", required="sha256="),
    "standard-webhooks": Deployed(
        entry="standard-webhooks", secret=SECRETS["standard-webhooks"], form="v1,{}", required="v1,"
    ),
    "standard-webhooks, svix-": Deployed(
        entry="standard-webhooks",
        options={"header_prefix": "svix"},
        secret=SECRETS["standard-webhooks"],
        form="v1,{}",
        required="v1,",
    ),
    "standard-webhooks-ed25519": Deployed(
        entry="standard-webhooks-ed25519",
        secret=key_pair(b"ours"),
        other=key_pair(b"another"),
        form="v1a,{}",
        required="v1a,",
    ),
    "adyen-platform": Deployed(entry="adyen-platform", secret=adyen_webhooks.KEY, other=adyen_webhooks.OTHER_KEY),
    "shopify": SHOPIFY,
    "square": SQUARE,
    "checkout-com": Deployed(entry="checkout-com"),
    "gocardless": Deployed(entry="gocardless"),
    "mollie": MOLLIE,
    "razorpay": Deployed(entry="razorpay"),
    "paddle": Deployed(entry="paddle", form="ts=NOW;h1={}", required="ts="),
    "klarna": Deployed(entry="klarna"),
    "wise": Deployed(entry="wise", options={"subscriptions": ANY}, secret=rsa_secret(0), other=rsa_secret(1)),
    "marqeta": Deployed(entry="marqeta"),
    "lithic": Deployed(entry="lithic", secret=SECRETS["standard-webhooks"], form="v1,{}", required="v1,"),
    "paystack": Deployed(entry="paystack"),
    "coinbase-commerce": Deployed(entry="coinbase-commerce"),
    "generic": GENERIC,
    "generic, SHA-512 in base64": SHA512_BASE64,
    "generic, base64url behind v1=": BASE64URL,
    "generic-timestamped": TIMESTAMPED,
    "generic-timestamped, like Slack": LIKE_SLACK,
}
