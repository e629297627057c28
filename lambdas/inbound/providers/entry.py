"""What the system knows about a provider: one declarative entry each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lambdas.inbound.providers.documents import BodyFormat, JsonBody
from lambdas.inbound.providers.fields import Field
from lambdas.shared.signatures.scheme import Scheme


@dataclass(frozen=True, kw_only=True)
class Option:
    """Something that must or may be said about a provider when it is deployed, and that is no secret.

    Attributes
    ----------
    doc : str
        What it is, and where the provider shows it.
    pattern : str
        Regular expression of what is allowed, matched as a whole.
    required : bool
        Whether the provider cannot be deployed without.
    """

    doc: str
    pattern: str
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the provider wants to hear when its webhook is accepted.

    Attributes
    ----------
    status : int
        HTTP status.
    body : str | None
        Exact text; None for this system's own JSON, which says the event's id.
    """

    status: int = 202
    body: str | None = None


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Where the amount of a payment lies.

    Attributes
    ----------
    value, currency : tuple[Field, ...]
        The number as the provider writes it, and its currency; the first field that holds one counts.
    unit : str
        ``minor`` where the provider counts in cents or their like, ``major`` where it writes euros. Which currencies
        have how many digits is the provider's own convention, so that nothing is converted here.
    """

    value: tuple[Field, ...]
    currency: tuple[Field, ...]
    unit: str


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
        What can be said of it in ``provider_options``; each is a field of the scheme.
    key_doc : str
        What its secret is, and where the provider shows it.
    needs_secret : bool
        Whether there is one; where not, the stack makes no secret for it.
    native : bool
        Whether its scheme needs compiled code, which only ingestion's native bundle holds.
    certificate_hosts : tuple[str, ...]
        Where its certificates are fetched from, for providers whose key comes in one. Each certificate that proved a
        webhook is archived.
    body_format : BodyFormat
        How events lie in the body. Fields are read in each event's own document.
    event_id : tuple[Field, ...]
        Where the event's identity lies; the first field that holds one counts. Signed bytes only: an unsigned id
        would let anybody who holds one signed body make a new event of it.
    event_type : tuple[Field, ...]
        Where the event's type lies.
    transaction_id : tuple[Field, ...]
        What ties together the events of one payment. Where none is found, the event is a transaction of its own.
    transaction : str
        What that is in the provider's own object model, and why.
    occurred_at : tuple[Field, ...]
        Where the time of occurrence lies, in seconds since the epoch or as an RFC 3339 time. It becomes part of the
        record's sort key, so only a value that is the same in every redelivery of the event may stand here.
    amount : Amount | None
        Where the amount lies, for providers that say one.
    answer : Answer
        What it is answered when its webhook is accepted.
    sends_api_key : bool
        Whether the sender can be told to set an ``x-api-key`` header.
    retries : str
        How often and for how long it sends a webhook again that got no 2xx.
    answer_within : int | None
        Seconds that it waits for an answer; None where it does not say.
    caveat : str
        What its signature does not prove, and what else an operator must know before trusting it; empty where there is
        nothing to say.
    sources : Sequence[str]
        The provider's own documents that these facts are from.
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
    event_id: tuple[Field, ...]
    event_type: tuple[Field, ...]
    transaction_id: tuple[Field, ...]
    transaction: str
    occurred_at: tuple[Field, ...] = ()
    amount: Amount | None = None
    answer: Answer = Answer()
    sends_api_key: bool
    retries: str
    answer_within: int | None
    caveat: str = ""
    sources: Sequence[str]

    @property
    def configuration(self) -> dict[str, str]:
        """The options with which it is deployed."""
        values = {name: getattr(self.scheme, name) for name in self.options}
        return {name: value for name, value in values.items() if isinstance(value, str) and value}

    def configured(self, options: Mapping[str, str]) -> "Provider":
        """Return the entry as it is deployed, with its options."""
        scheme: Any = self.scheme
        return replace(self, scheme=replace(scheme, **options)) if options else self
