"""What the system knows about a provider: one declarative entry for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.documents import BodyFormat, JsonBody
from lambdas.inbound.providers.fields import TEST, Field, Unsigned
from lambdas.shared.signatures.scheme import Scheme

SEND_AGAIN = "send it again, which ends as a duplicate"


@dataclass(frozen=True, kw_only=True)
class Option:
    """A setting of a deployed provider that is not secret.

    Attributes
    ----------
    doc : str
        What it is, and where the provider shows it.
    pattern : str
        Regular expression of what is allowed, matched as a whole.
    required : bool
        Whether the provider cannot be deployed without it.
    """

    doc: str
    pattern: str
    required: bool = False


COMMON_OPTIONS = {
    "mode": Option(
        doc=(
            "the mode of what is signed with the secret of this name: live or test. Set it where the sender does not "
            "sign the mode; where one of both is test, the event is test"
        ),
        pattern="live|test",
    ),
    "account": Option(
        doc=(
            "the account of events that name none, or of which the sender does not sign it: up to 128 printable "
            "characters without blanks"
        ),
        pattern="[!-~]{1,128}",
    ),
}
"""The options of every entry."""


@dataclass(frozen=True, kw_only=True)
class AcceptedResponse:
    """The response that the provider expects when its webhook is accepted.

    Attributes
    ----------
    status : int
        HTTP status.
    body : str | None
        Exact text; None for this system's own JSON with the event's id.
    """

    status: int = 202
    body: str | None = None


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Where the amount of a payment is.

    Attributes
    ----------
    value, currency : tuple[Field, ...]
        The number as the provider writes it, and its currency; the first field with a value counts.
    unit : str
        ``minor`` when the provider counts in cents or the like, ``major`` when it writes euros.
    digits : Mapping[str, int | None]
        Of minor units: the currencies that the provider counts with other digits than ISO 4217, and how many; None if
        it does not document them.
    """

    value: tuple[Field, ...]
    currency: tuple[Field, ...]
    unit: str
    digits: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider of webhooks.

    Attributes
    ----------
    name : str
        Name of the entry, in lower case.
    title : str
        Name as people write it.
    scheme : Scheme
        How its webhooks are signed.
    options : Mapping[str, Option]
        Its settings in ``provider_options``; each is a field of the scheme.
    key_doc : str
        What its secret is, and where the provider shows it.
    needs_secret : bool
        Whether it has one; if not, the stack creates no secret for it.
    native : bool
        Whether its scheme needs compiled code, which only ingestion's native bundle contains.
    certificate_hosts : tuple[str, ...]
        Where its certificates are fetched from, if its key comes in a certificate. Each certificate that proved a
        webhook is archived.
    body_format : BodyFormat
        How the body contains events. Fields are read from each event's own document.
    identity : IdentityRule
        What identifies an event.
    event_type : tuple[Field, ...]
        Where the event's type is.
    transaction_id : tuple[Field, ...]
        The id that the events of one payment have in common. An event without one is a transaction of its own.
    transaction : str
        Which object of the provider that is, and why.
    occurred_at : tuple[Field, ...]
        Where the time of occurrence is, in seconds since the epoch or as an RFC 3339 time.
    amount : Amount | None
        Where the amount is, for providers that send one.
    mode, account : tuple[Field, ...]
        Where the mode is, and the account with the provider that the event is about. What is signed comes first, and
        the rest is `lambdas.inbound.providers.fields.Unsigned`.
    environments : Mapping[str, str]
        Values of the scheme's option ``environment``, each with the mode of all that the scheme accepts with it.
    deployed : Mapping[str, str]
        The `COMMON_OPTIONS` with which it is deployed.
    response : AcceptedResponse
        The response when its webhook is accepted.
    exposure : str
        What somebody who sees one of its requests, headers included, can do: "can" comes before it.
    sends_api_key : bool
        Whether the sender can be configured to send an ``x-api-key`` header.
    retries : str
        How often and for how long it retries a webhook without a 2xx response.
    answer_within : int | None
        Seconds that it waits for a response; None if it does not document them.
    caveat : str
        What its signature does not prove, and what else an operator must know before trusting it; may be empty.
    sources : Sequence[str]
        The provider's documentation of these facts.
    """

    name: str
    title: str
    scheme: Scheme
    options: Mapping[str, Option] = field(default_factory=dict)
    key_doc: str
    needs_secret: bool = True
    native: bool = False
    certificate_hosts: tuple[str, ...] = ()
    body_format: BodyFormat = JsonBody()
    identity: IdentityRule
    event_type: tuple[Field, ...]
    transaction_id: tuple[Field, ...]
    transaction: str
    occurred_at: tuple[Field, ...] = ()
    amount: Amount | None = None
    mode: tuple[Field, ...] = ()
    account: tuple[Field, ...] = ()
    environments: Mapping[str, str] = field(default_factory=dict)
    deployed: Mapping[str, str] = field(default_factory=dict)
    response: AcceptedResponse = AcceptedResponse()
    exposure: str
    sends_api_key: bool
    retries: str
    answer_within: int | None
    caveat: str = ""
    sources: Sequence[str]

    @cached_property
    def configuration(self) -> dict[str, str]:
        """The options of the scheme with which it is deployed."""
        values = {name: getattr(self.scheme, name) for name in self.options}
        return {name: value for name, value in values.items() if isinstance(value, str) and value}

    def configured(self, options: Mapping[str, str]) -> "Provider":
        """Return the entry as it is deployed, with its options."""
        if not options:
            return self
        common = {name: value for name, value in options.items() if name in COMMON_OPTIONS}
        scheme: Any = self.scheme
        own = {name: value for name, value in options.items() if name not in COMMON_OPTIONS}
        return replace(self, scheme=replace(scheme, **own), deployed=common)

    @cached_property
    def deployed_mode(self) -> str | None:
        """The mode of all of its events, as the deployment says it: test, if one of its two options does."""
        said = (self.environments.get(getattr(self.scheme, "environment", "")), self.deployed.get("mode"))
        return TEST if TEST in said else said[0] or said[1]

    def signs(self, member: str) -> bool:
        """Return whether ``mode`` or ``account`` is signed in all events that say it, or comes from the deployment."""
        known = self.deployed_mode if member == "mode" else self.deployed.get(member)
        fields = getattr(self, member)
        return bool(known) or (bool(fields) and not any(isinstance(one, Unsigned) for one in fields))
