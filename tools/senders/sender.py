"""What every provider's sender is made of."""

import hashlib
import hmac
import json
import secrets as random_source
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SentWebhook:
    """A webhook as a provider sends it.

    Attributes
    ----------
    provider : str
        Registry entry.
    path : str
        Path below the API's base URL.
    body : bytes
        Exact bytes.
    headers : Mapping[str, str]
        All headers, signature included.
    transaction_id : str
        The transaction that it belongs to.
    """

    provider: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    transaction_id: str


@dataclass(frozen=True, kw_only=True)
class Signing:
    """What a signature is made with.

    Attributes
    ----------
    secret : str
        The signing secret, as it lies in Secrets Manager.
    now : int
        Seconds since the epoch.
    number : int
        Number of the event.
    options : Mapping[str, str]
        The deployed provider's options.
    mark : str
        What the transaction's id begins with, for events that must be told from real ones.
    """

    secret: str
    now: int
    number: int
    options: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""


def with_another_byte(body: bytes) -> bytes:
    """Return a body of which one byte in the middle is another."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Makes one provider's webhooks.

    Written from the provider's documents and not from the verifier, so that the two can disagree.

    Attributes
    ----------
    entry : str
        Registry entry.
    events : Mapping[str, Callable[[int], tuple[dict, str]]]
        Event type to a function that returns the document of the event with a number, and its transaction id. The
        same number is the same event.
    sign : Callable[[bytes, Signing], dict[str, str]]
        Returns the headers that sign a body.
    encode : Callable[[dict, Signing], bytes]
        Makes the body of a document; here too for providers that sign inside of it.
    new_secret : Callable[[], str]
        Returns a fresh secret of the provider's form.
    kept : Callable[[str], str]
        Returns what the receiver keeps of it: all, unless the provider signs with a private key.
    content_type : str
        Of the body.
    options : Mapping[str, str]
        Options to deploy the provider with, for tests and the demo.
    altered : Callable[[bytes], bytes]
        Returns a body that is changed where it is signed.
    unsigned : Callable[[bytes], bytes]
        Returns a body without what signs it, for providers that sign inside of it.
    by_header : bool
        Whether it posts to ``/webhook`` and names itself in ``X-Provider-ID``.
    """

    entry: str
    events: Mapping[str, Callable[[int], tuple[dict[str, Any], str]]]
    sign: Callable[[bytes, Signing], dict[str, str]]
    encode: Callable[[dict[str, Any], Signing], bytes] = lambda document, _: json.dumps(document).encode()
    new_secret: Callable[[], str] = lambda: random_source.token_urlsafe(32)
    kept: Callable[[str], str] = lambda secret: secret
    content_type: str = "application/json"
    options: Mapping[str, str] = field(default_factory=dict)
    altered: Callable[[bytes], bytes] = with_another_byte
    unsigned: Callable[[bytes], bytes] = lambda body: body
    by_header: bool = False

    @property
    def signs_with_private_key(self) -> bool:
        """Whether the receiver keeps something else than what signs."""
        secret = self.new_secret()
        return self.kept(secret) != secret

    def webhook(
        self,
        signing: Signing,
        *,
        event: str | None = None,
        extra: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> SentWebhook:
        """Return a signed webhook.

        Parameters
        ----------
        event : str
            Event type; the first that the provider has, where none is given.
        extra : Mapping
            Members to add to the document.
        name : str
            The name under which the provider is deployed, where that is not the entry's.
        """
        document, transaction_id = self.events[event or next(iter(self.events))](signing.number)
        if signing.mark:
            document = _with_another(document, transaction_id, signing.mark + transaction_id)
            transaction_id = signing.mark + transaction_id
        body = self.encode(document | dict(extra or {}), signing)
        headers = {"Content-Type": self.content_type, **self.sign(body, signing)}
        deployed = name or self.entry
        # The path without a name asks for this header, which an option may have changed.
        by_header = self.by_header and "X-Webhook-Signature" in headers
        if by_header:
            headers["X-Provider-ID"] = deployed
        return SentWebhook(
            provider=deployed,
            path="/webhook" if by_header else f"/webhook/{deployed}",
            body=body,
            headers=headers,
            transaction_id=transaction_id,
        )


def _with_another(value: Any, old: str, new: str) -> Any:
    """Return a document in which another value stands wherever a text, or its number, stood."""
    if isinstance(value, dict):
        return {name: _with_another(item, old, new) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_another(item, old, new) for item in value]
    return new if str(value) == old else value


def hex_hmac(secret: str, signed: bytes, algorithm: str = "sha256") -> str:
    """Return an HMAC in hex."""
    return hmac.new(secret.encode(), signed, getattr(hashlib, algorithm)).hexdigest()
