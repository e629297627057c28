"""Braintree's scheme: ``<public key>|<hex>`` beside a base64 payload in a form, and a challenge before the first."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from lambdas.shared.errors import MalformedWebhookError, SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.scheme import MAX_SIGNATURE_HEADER_CHARS, Verdict, key_id, matching, usable

MAX_FORM_FIELDS = 16
_PAYLOAD = re.compile(r"[A-Za-z0-9+/=\n]+", re.ASCII)
_CHALLENGE = re.compile(r"[a-f0-9]{20,32}", re.ASCII)
_KEY_PAIR = re.compile(r"([A-Za-z0-9_-]+):([\x21-\x7e]+)", re.ASCII)


@dataclass(frozen=True)
class Form:
    """The two parameters of a notification.

    Attributes
    ----------
    signature : str
        Pairs of public key and signature, joined by ``&``.
    payload : str
        Base64 over several lines.
    """

    signature: str
    payload: str


@dataclass(frozen=True)
class BraintreeKey:
    """An API key: the public half names the private one, which signs."""

    public: str
    private: str

    def sign(self, text: str) -> str:
        """Return ``<public key>|<hex HMAC-SHA1>``; the HMAC's key is the digest of the private key."""
        # SHA-1 is Braintree's choice. Its collisions do not help to forge an HMAC: https://www.rfc-editor.org/rfc/rfc6194
        key = hashlib.sha1(self.private.encode("ascii")).digest()  # noqa: S324
        return f"{self.public}|{hmac.new(key, text.encode('ascii'), hashlib.sha1).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class BraintreeScheme:
    """HMAC-SHA1 over the base64 text of the payload, its line ends included.

    Braintree's libraries also take a payload whose last line end was lost on the way, and so does this.

    There is no replay window although the payload says a time: that is when the notification was triggered, and a
    redelivery comes up to 24 hours later. A replay ends as a duplicate, since the identity is the payload's digest.

    Before it sends anything, Braintree asks for the signature of a text of its choice, and anybody can ask the same.
    What could be such a text is never taken for a payload, so that an answer cannot be turned into a notification.

    Source: https://developer.paypal.com/braintree/docs/guides/webhooks/parse/python , and the libraries that it names
    """

    name: str = "braintree-sha1"

    def verify(self, request: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """See `Scheme.verify`."""
        pairs = [key_pair(secret) for secret in usable(secrets)]
        try:
            form = read_form(request.body)
        except MalformedWebhookError as error:
            raise SignatureRefusedError(error.reason) from error
        if not form.signature:
            raise SignatureRefusedError("missing_signature")
        if len(form.signature) > MAX_SIGNATURE_HEADER_CHARS:
            raise SignatureRefusedError("signature_too_long")
        candidates = form.signature.split("&")
        if not all(pair.count("|") == 1 for pair in candidates):
            raise SignatureRefusedError("malformed_signature")
        texts = (form.payload, form.payload + "\n")
        expected = [pair.sign(text).encode("ascii") for text in texts for pair in pairs]
        match = matching([secret for _ in texts for secret in secrets], expected, candidates)
        return Verdict(scheme=self.name, signed_at=None, key_id=key_id(match.secret), headers={})

    def answer_challenge(self, request: WebhookRequest, secrets: Sequence[str]) -> str:
        """See `ChallengeScheme.answer_challenge`; the newest key answers.

        Source: https://developer.paypal.com/braintree/docs/guides/webhooks/create/python
        """
        challenge = request.query.get("bt_challenge", "")
        if not _CHALLENGE.fullmatch(challenge):
            raise MalformedWebhookError("malformed_challenge")
        return key_pair(usable(secrets)[0]).sign(challenge)


def key_pair(secret: str) -> BraintreeKey:
    """Return the key pair of a secret, ``<public key>:<private key>``.

    Raises
    ------
    UnavailableError
        When it is anything else.
    """
    match = _KEY_PAIR.fullmatch(secret)
    if match is None:
        raise UnavailableError("secret_unusable")
    return BraintreeKey(match[1], match[2])


def read_form(body: bytes) -> Form:
    """Return the two parameters of a notification's body; others are nobody's and are not read.

    Raises
    ------
    MalformedWebhookError
        When the body is no form, when one of the two is missing or repeated, or when the payload is no base64.
    """
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except ValueError as error:
        raise MalformedWebhookError("body_not_a_form") from error
    signatures = [value for name, value in fields if name == "bt_signature"]
    payloads = [value for name, value in fields if name == "bt_payload"]
    if len(signatures) != 1 or len(payloads) != 1:
        raise MalformedWebhookError("body_not_a_notification")
    payload = payloads[0]
    if not _PAYLOAD.fullmatch(payload) or _CHALLENGE.fullmatch(payload.rstrip("\n")):
        raise MalformedWebhookError("malformed_payload")
    return Form(signatures[0], payload)
